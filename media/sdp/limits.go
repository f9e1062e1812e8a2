package sdp

// Limits on what a stranger may make us read, keep and copy to the other leg. What exceeds one of them makes the whole
// description unusable (*ParseError); nothing is cut off in silence.
const (
	// maxBody: the largest offers seen are a browser's with ICE candidates and thirty video formats, 8 KiB.
	maxBody = 32 << 10
	// maxLine: H.264 parameter sets and ICE candidates stay below 1 KiB; an identity assertion reaches some KiB.
	maxLine = 8 << 10
	// maxLines: the browser's offer above has 200.
	maxLines = 1024
	// maxMedia: audio, video, text, BFCP, screen sharing and a few streams that were stopped, which keep their place for the
	// life of the call (RFC 3264 section 8.2).
	maxMedia = 16
	// maxFormats of one m= line: there are 128 payload types, a browser uses forty.
	maxFormats = 64
	// maxCrypto lines of one m= section: an offer of every registered suite has twelve.
	maxCrypto = 24
	// maxFingerprints of one level: a hash function or two for each of a few certificates.
	maxFingerprints = 8
	// maxCandidates of one section are kept, the rest is passed over: RFC 8445 section 5.1.2 wants at most 100 pairs altogether.
	maxCandidates = 64
	// maxSources of one section are kept, the rest is passed over: simulcast with retransmission has six.
	maxSources = 16
	// maxICEOptions of one line: four are registered.
	maxICEOptions = 16
	// maxFeedback values of one codec: a dozen are registered.
	maxFeedback = 16
	// maxBandwidth lines of one m= section: CT, AS, TIAS, RS, RR.
	maxBandwidth = 8
	// maxToken is the longest media type, profile or codec name; the longest registered one has 22 characters.
	maxToken = 64
	// maxRate is above every registered clock rate (RTP video: 90000 Hz; L16 and DSD reach 384000 Hz).
	maxRate = 1_000_000
	// maxPtime in ms; the largest packet that anyone sends holds 200 ms.
	maxPtime = 10_000
)
