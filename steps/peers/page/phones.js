'use strict';
// Phones of a browser: the test sends commands, each for one phone, and gets what they return. All they know of each other goes through
// the test.

const phones = new Map();
const sound = new AudioContext();

class Phone {
  // options: tone in Hz, video, audio codecs by name in their order, bundle policy
  async open(options) {
    this.options = options;
    this.pc = new RTCPeerConnection({bundlePolicy: options.bundle || 'balanced'});
    this.heard = {};
    this.newest = new Map();
    this.former = {audio: {received: 0, lost: 0}, video: {received: 0, lost: 0}};
    this.pc.ontrack = (event) => this.listen(event.track);
    const oscillator = new OscillatorNode(sound, {frequency: options.tone});
    const gain = new GainNode(sound, {gain: 0.3});
    const destination = new MediaStreamAudioDestinationNode(sound, {channelCount: 1});
    oscillator.connect(gain).connect(destination);
    oscillator.start();
    this.oscillator = oscillator;
    await sound.resume();
    this.pc.addTrack(destination.stream.getAudioTracks()[0], destination.stream);
    if (options.video) await this.addVideo();
    this.prefer();
  }

  // prefer restricts the codecs of audio to those wanted, in their order; VP8 is the only one of video, with its retransmissions.
  prefer() {
    for (const t of this.pc.getTransceivers()) {
      const kind = t.receiver.track.kind;
      const names = kind === 'audio' ? this.options.audio : ['VP8', 'rtx'];
      const all = RTCRtpReceiver.getCapabilities(kind).codecs;
      if (!t.stopped) t.setCodecPreferences(names.flatMap((n) => all.filter((c) => c.mimeType.toLowerCase() === `${kind}/${n}`.toLowerCase())));
    }
  }

  async addVideo() {
    const stream = await navigator.mediaDevices.getUserMedia({video: {width: 320, height: 240, frameRate: 15}});
    this.pc.addTrack(stream.getVideoTracks()[0], stream);
    this.prefer();
  }

  // removeVideo stops the camera; the m-line is switched off by the next description.
  async removeVideo() {
    for (const t of this.pc.getTransceivers()) {
      if (t.receiver.track.kind !== 'video' || t.stopped) continue;
      t.sender.track?.stop();
      t.stop();
    }
  }

  // direction of all streams: a hold, or its end
  async direction(direction) {
    for (const t of this.pc.getTransceivers()) if (!t.stopped) t.direction = direction;
  }

  async offer() {
    await this.pc.setLocalDescription(await this.pc.createOffer());
    return this.complete();
  }

  async answer(sdp) {
    await this.theirs({type: 'offer', sdp});
    this.prefer();
    await this.pc.setLocalDescription(await this.pc.createAnswer());
    return this.complete();
  }

  async accept(sdp) {
    await this.theirs({type: 'answer', sdp});
  }

  // theirs applies a description of the other side.
  async theirs(description) {
    await this.reports();
    await this.pc.setRemoteDescription(description);
  }

  // reports is getStats. After a description of the other side, what comes without having been announced by its SSRC is counted anew: what
  // was counted before is added up.
  async reports() {
    const all = [...(await this.pc.getStats()).values()];
    const now = new Map(all.filter((s) => s.type === 'inbound-rtp').map((s) => [s.ssrc, s]));
    for (const [ssrc, s] of this.newest) {
      if (s.packetsReceived <= (now.get(ssrc)?.packetsReceived ?? -1)) continue;
      this.former[s.kind].received += s.packetsReceived;
      this.former[s.kind].lost += s.packetsLost;
    }
    this.newest = now;
    return all;
  }

  // complete waits until all candidates are in the description: they are not told later. Where interfaces of the machine come and go, the
  // search for more of them has no end; those of the first two seconds are enough.
  async complete() {
    const enough = new Promise((resolve) => setTimeout(resolve, 2000, true));
    while (this.pc.iceGatheringState !== 'complete' && !await Promise.race([enough, happening(this.pc, 'icegatheringstatechange')]));
    return this.pc.localDescription.sdp;
  }

  async connected() {
    while (this.pc.connectionState !== 'connected') {
      if (['failed', 'closed'].includes(this.pc.connectionState)) throw new Error(`the connection is ${this.pc.connectionState}`);
      await happening(this.pc, 'connectionstatechange');
    }
  }

  async restart() {
    this.pc.restartIce();
  }

  async digits(digits) {
    const sender = this.pc.getSenders().find((s) => s.dtmf && s.track?.kind === 'audio');
    if (!sender.dtmf.canInsertDTMF) throw new Error('this call takes no digits');
    sender.dtmf.insertDTMF(digits, 100, 70);
    while (sender.dtmf.toneBuffer !== '') await happening(sender.dtmf, 'tonechange');
  }

  // listen looks at what a track brings. Audio reaches the graph only while an element plays it, silently.
  listen(track) {
    const element = document.createElement(track.kind);
    element.srcObject = new MediaStream([track]);
    element.play();
    if (track.kind === 'audio') {
      const analyser = new AnalyserNode(sound, {fftSize: 8192, smoothingTimeConstant: 0});
      sound.createMediaStreamSource(element.srcObject).connect(analyser);
      this.heard.audio = {analyser, element};
    } else {
      this.heard.video = {element};
    }
  }

  // loudest is the strongest frequency heard now, Hz; 0: silence
  loudest() {
    if (!this.heard.audio) return 0;
    const {analyser} = this.heard.audio;
    const bins = new Float32Array(analyser.frequencyBinCount);
    analyser.getFloatFrequencyData(bins);
    const best = bins.indexOf(Math.max(...bins));
    return bins[best] > -60 ? best * sound.sampleRate / analyser.fftSize : 0;
  }

  async stats() {
    const all = await this.reports();
    const get = (id) => all.find((s) => s.id === id) || {};
    const out = {
      connection: this.pc.connectionState, ice: this.pc.iceConnectionState,
      direction: this.pc.getTransceivers().find((t) => t.receiver.track.kind === 'audio').currentDirection || '', hertz: this.loudest(),
      transports: all.filter((s) => s.type === 'transport').map((s) => {
        const pair = get(s.selectedCandidatePairId), local = get(pair.localCandidateId), remote = get(pair.remoteCandidateId);
        return {
          dtls: s.dtlsState, role: s.dtlsRole, tls: s.tlsVersion, cipher: s.srtpCipher, pair: pair.state, consents: pair.responsesReceived,
          local: `${local.address}:${local.port}`, remote: `${remote.address}:${remote.port}`, ufrag: s.iceLocalUsernameFragment,
        };
      }),
      audio: {}, video: {},
    };
    for (const kind of ['audio', 'video']) {
      const sum = (type, name) => all.filter((s) => s.type === type && s.kind === kind).reduce((n, s) => n + (s[name] || 0), 0);
      const last = all.filter((s) => s.type === 'inbound-rtp' && s.kind === kind).pop() || {};
      const sent = all.filter((s) => s.type === 'outbound-rtp' && s.kind === kind).pop() || {};
      out[kind] = {
        received: this.former[kind].received + sum('inbound-rtp', 'packetsReceived'), lost: this.former[kind].lost + sum('inbound-rtp', 'packetsLost'),
        discarded: sum('inbound-rtp', 'packetsDiscarded'),
        energy: sum('inbound-rtp', 'totalAudioEnergy'), concealed: sum('inbound-rtp', 'concealmentEvents'),
        decoded: sum('inbound-rtp', 'framesDecoded'), width: last.frameWidth || 0, codec: get(last.codecId).mimeType || '', decoder: last.decoderImplementation || '',
        asked: {pli: sum('inbound-rtp', 'pliCount'), fir: sum('inbound-rtp', 'firCount'), nack: sum('inbound-rtp', 'nackCount')},
        sent: sum('outbound-rtp', 'packetsSent'), encoded: sum('outbound-rtp', 'framesEncoded'), keyFrames: sum('outbound-rtp', 'keyFramesEncoded'),
        sentCodec: get(sent.codecId).mimeType || '', again: sum('outbound-rtp', 'retransmittedPacketsSent'),
        wanted: {pli: sum('outbound-rtp', 'pliCount'), fir: sum('outbound-rtp', 'firCount'), nack: sum('outbound-rtp', 'nackCount')},
        reports: sum('remote-inbound-rtp', 'roundTripTimeMeasurements'), lostThere: sum('remote-inbound-rtp', 'packetsLost'),
      };
    }
    return out;
  }

  async close() {
    this.oscillator.stop();
    for (const s of this.pc.getSenders()) s.track?.stop();
    this.pc.close();
  }
}

function happening(target, name) {
  return new Promise((resolve) => target.addEventListener(name, () => resolve(), {once: true}));
}

async function run({id, phone, verb, args}) {
  const report = (result) => fetch('/result', {method: 'POST', body: JSON.stringify({id, ...result})});
  try {
    if (verb === 'open') phones.set(phone, new Phone());
    const value = await phones.get(phone)[verb](...(args || []));
    await report({value: value === undefined ? null : value});
  } catch (error) {
    await report({error: String(error)});
  }
}

async function serve() {
  for (;;) {
    const response = await fetch('/next');
    if (response.status === 200) run(await response.json());
  }
}

serve();
