package endpoint

import (
	"context"
	"errors"
	"slices"
	"testing"
	"time"

	"b2bua/simulator/capture"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func within(t *testing.T) context.Context {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second) // of a loaded machine
	t.Cleanup(cancel)
	return ctx
}

func phone(t *testing.T, cfg Config) *Phone {
	t.Helper()
	if cfg.AOR == "" {
		cfg.AOR = "sip:" + cfg.Name + "@sip.example.org"
	}
	p, err := New(cfg)
	require.NoError(t, err)
	t.Cleanup(func() { assert.NoError(t, p.Close()) })
	return p
}

// talk makes marie call pauline directly and waits until both run.
func talk(t *testing.T, marie, pauline *Phone, opts CallOptions, answer *Media) (a, b *Call) {
	t.Helper()
	a, err := marie.Call(pauline.URI(), opts)
	require.NoError(t, err)
	b, err = pauline.WaitIncoming(within(t))
	require.NoError(t, err)
	require.NoError(t, b.Ring())
	require.NoError(t, a.WaitRinging(within(t)))
	require.NoError(t, b.Answer(answer))
	require.NoError(t, a.WaitRunning(within(t)))
	require.NoError(t, b.WaitRunning(within(t)))
	return a, b
}

func hear(t *testing.T, a, b *Call) {
	t.Helper()
	require.NoError(t, a.WaitAudio(within(t), b.Phone().Tone()))
	require.NoError(t, b.WaitAudio(within(t), a.Phone().Tone()))
}

func TestCallOverEveryTransportAndEncryption(t *testing.T) {
	for _, network := range []string{"udp", "tcp"} {
		for _, m := range []Media{{}, {Encryption: "sdes", Suites: []string{"AEAD_AES_256_GCM", "AES_CM_128_HMAC_SHA1_32"}}} {
			t.Run(network+" "+m.Encryption, func(t *testing.T) {
				t.Parallel()
				marie := phone(t, Config{Name: "marie", Listen: network + ":127.0.0.1:0", Media: m})
				pauline := phone(t, Config{Name: "pauline", Listen: network + ":127.0.0.1:0", Media: Media{Accept: []string{"any"}, Suites: []string{"AES_CM_128_HMAC_SHA1_32"}}})
				a, b := talk(t, marie, pauline, CallOptions{}, nil)
				hear(t, a, b)
				s, r := a.Summary(), b.Summary()
				assert.Equal(t, 200, s.Status)
				assert.Equal(t, "outgoing", s.Direction)
				assert.Equal(t, "incoming", r.Direction)
				assert.Equal(t, "PCMU/8000", s.Audio().Codec)
				assert.Equal(t, "sendrecv", s.Audio().Direction)
				assert.Zero(t, s.Audio().Refused)
				assert.Equal(t, r.Audio().Local, s.Audio().ReceivedFrom)
				if m.Encryption == "sdes" {
					assert.Equal(t, "RTP/SAVP", s.Audio().Profile)
					assert.Equal(t, "AES_CM_128_HMAC_SHA1_32", s.Audio().Suite, "the only one in common")
					assert.Equal(t, s.Audio().Suite, r.Audio().Suite)
				} else {
					assert.Equal(t, "RTP/AVP", s.Audio().Profile)
					assert.Equal(t, "none", r.Audio().Encryption)
				}
				require.NoError(t, b.HangUp(Header{"Reason", `Q.850;cause=16;text="bye"`}))
				require.NoError(t, a.WaitReleased(within(t)))
				assert.Equal(t, `Q.850;cause=16;text="bye"`, a.Summary().Reason)
				assert.Equal(t, "remote", a.Summary().EndedBy)
				assert.Equal(t, "local", b.Summary().EndedBy)
				_, err := pauline.WaitMessage(within(t), "the answer to BYE", func(m capture.Message) bool { return m.Method() == "BYE" && m.Status() == 200 })
				require.NoError(t, err)
			})
		}
	}
}

func TestVideoRefusedAndAccepted(t *testing.T) {
	offer := Media{Encryption: "sdes", Audio: []string{"opus/48000/2", "PCMU/8000"}, Video: []string{"VP8/90000", "H264/90000"}}
	marie := phone(t, Config{Name: "marie", Media: offer})
	pauline := phone(t, Config{Name: "pauline", Media: offer})
	a, b := talk(t, marie, pauline, CallOptions{}, nil)
	hear(t, a, b)
	require.NoError(t, a.WaitVideo(within(t), pauline.Tone()))
	assert.Equal(t, "VP8/90000", a.Summary().Video().Codec)
	assert.Equal(t, "opus/48000/2", b.Summary().Audio().Codec)
	require.NoError(t, a.HangUp())
	require.NoError(t, b.WaitReleased(within(t)))

	audio := offer
	audio.Video = nil
	a, b = talk(t, marie, pauline, CallOptions{}, &audio)
	hear(t, a, b)
	assert.False(t, a.Summary().Video().Enabled)
	assert.Len(t, a.Summary().Streams, 2)
}

func TestEarlyMediaThenAnswer(t *testing.T) {
	marie, pauline := phone(t, Config{Name: "marie"}), phone(t, Config{Name: "pauline"})
	a, err := marie.Call(pauline.URI(), CallOptions{})
	require.NoError(t, err)
	b, err := pauline.WaitIncoming(within(t))
	require.NoError(t, err)
	require.NoError(t, b.Early(nil))
	require.NoError(t, a.WaitEarlyMedia(within(t)))
	hear(t, a, b)
	assert.Equal(t, EarlyMedia, a.State())
	require.NoError(t, b.Answer(nil))
	require.NoError(t, a.WaitRunning(within(t)))
	require.NoError(t, b.WaitRunning(within(t)))
	assert.True(t, a.Summary().Early)
}

func TestOfferless(t *testing.T) {
	marie := phone(t, Config{Name: "marie", Media: Media{Accept: []string{"any"}}})
	pauline := phone(t, Config{Name: "pauline", Media: Media{Encryption: "sdes"}})
	a, b := talk(t, marie, pauline, CallOptions{Offerless: true}, nil)
	hear(t, a, b)
	assert.Equal(t, "sdes", a.Summary().Audio().Encryption)
}

func TestRefusals(t *testing.T) {
	marie, pauline := phone(t, Config{Name: "marie"}), phone(t, Config{Name: "pauline"})
	for _, status := range []int{302, 404, 480, 486, 488, 503, 603} {
		a, err := marie.Call(pauline.URI(), CallOptions{Headers: []Header{{"X-Test", "1"}}})
		require.NoError(t, err)
		b, err := pauline.WaitIncoming(within(t))
		require.NoError(t, err)
		assert.Equal(t, "1", b.Invite().Header("X-Test"))
		require.NoError(t, b.Decline(status, Header{"Warning", `399 here "no"`}))
		got, err := a.WaitFinal(within(t))
		require.NoError(t, err)
		assert.Equal(t, status, got)
		require.NoError(t, a.WaitReleased(within(t)))
		assert.Equal(t, Released, b.State())
		assert.Error(t, b.Answer(nil), "too late")
	}
}

func TestEncryptionThatIsNotTakenIs488(t *testing.T) {
	marie := phone(t, Config{Name: "marie", Media: Media{Encryption: "sdes"}})
	pauline := phone(t, Config{Name: "pauline", Auto: &Auto{}})
	a, err := marie.Call(pauline.URI(), CallOptions{})
	require.NoError(t, err)
	status, err := a.WaitFinal(within(t))
	require.NoError(t, err)
	assert.Equal(t, 488, status)
}

func TestCancelWhileRinging(t *testing.T) {
	for _, network := range []string{"udp", "tcp"} {
		marie, pauline := phone(t, Config{Name: "marie", Listen: network + ":127.0.0.1:0"}), phone(t, Config{Name: "pauline", Listen: network + ":127.0.0.1:0"})
		a, err := marie.Call(pauline.URI(), CallOptions{})
		require.NoError(t, err)
		b, err := pauline.WaitIncoming(within(t))
		require.NoError(t, err)
		require.NoError(t, b.Ring())
		require.NoError(t, a.WaitRinging(within(t)))
		require.NoError(t, a.HangUp(Header{"Reason", "SIP;cause=600"}))
		require.NoError(t, b.WaitReleased(within(t)))
		require.NoError(t, a.WaitReleased(within(t)))
		assert.Equal(t, 487, a.Summary().Status)
		assert.Equal(t, "cancel", b.Summary().EndCause)
		assert.Equal(t, "SIP;cause=600", b.Summary().Reason)
		assert.Error(t, a.WaitRunning(within(t)), "it can't happen any more")
	}
}

func TestReinvite(t *testing.T) {
	marie := phone(t, Config{Name: "marie", Media: Media{Encryption: "sdes"}})
	pauline := phone(t, Config{Name: "pauline", Media: Media{Encryption: "sdes"}})
	a, b := talk(t, marie, pauline, CallOptions{}, nil)
	hear(t, a, b)
	require.NoError(t, a.Reinvite(within(t), Media{Encryption: "sdes", Direction: "sendonly"}))
	require.NoError(t, b.WaitSummary(within(t), "recvonly", func(s Summary) bool { return s.Audio().Direction == "recvonly" }))
	assert.Equal(t, "sendonly", a.Summary().Audio().Direction)
	require.NoError(t, a.Reinvite(within(t), Media{Encryption: "sdes"}))
	assert.Equal(t, "sendrecv", a.Summary().Audio().Direction)
	hear(t, a, b)
	assert.Zero(t, a.Summary().Audio().Refused, "the keys stayed")
	var refused *StatusError
	require.ErrorAs(t, a.Reinvite(within(t), Media{Audio: []string{"opus/48000/2"}}), &refused)
	assert.Equal(t, 488, refused.Status)
	hear(t, a, b)
	require.NoError(t, b.Dial("42"))
	require.NoError(t, a.WaitSummary(within(t), "digits", func(s Summary) bool { return s.Audio().Events == "42" }))
	m, err := a.Request(within(t), "INFO", nil, "application/dtmf-relay", "Signal=5\r\nDuration=250\r\n")
	require.NoError(t, err)
	assert.Equal(t, 200, m.Status())
}

// An offer that meets another one comes again.
func TestGlare(t *testing.T) {
	marie, pauline := phone(t, Config{Name: "marie"}), phone(t, Config{Name: "pauline"})
	a, b := talk(t, marie, pauline, CallOptions{}, nil)
	offers := func(is bool) {
		require.NoError(t, pauline.do(func(time.Time) error {
			b.offering = is
			return nil
		}))
	}
	offers(true)
	done := make(chan error)
	go func() { done <- a.Reinvite(within(t), Media{Direction: "sendonly"}) }()
	require.NoError(t, a.WaitSummary(within(t), "the offer", func(s Summary) bool { return s.Reinvites == 1 }))
	refused := func() bool {
		return slices.ContainsFunc(a.Messages(), func(m capture.Message) bool { return !m.Sent && m.Status() == 491 })
	}
	require.Eventually(t, refused, 30*time.Second, time.Millisecond)
	offers(false)
	require.NoError(t, <-done)
	assert.Equal(t, 2, a.Summary().Reinvites)
	assert.Equal(t, "sendonly", a.Summary().Audio().Direction)

	both := make(chan error, 2)
	for _, c := range []*Call{a, b} {
		go func() { both <- c.Reinvite(within(t), Media{}) }()
	}
	require.NoError(t, errors.Join(<-both, <-both))
	hear(t, a, b)
}

func TestAutomaticPhone(t *testing.T) {
	marie := phone(t, Config{Name: "marie"})
	pauline := phone(t, Config{Name: "pauline", Auto: &Auto{Early: true, Ring: 10 * time.Millisecond, HangUp: 20 * time.Millisecond}})
	a, err := marie.Call(pauline.URI(), CallOptions{})
	require.NoError(t, err)
	require.NoError(t, a.WaitReleased(within(t)))
	s := a.Summary()
	assert.True(t, s.Early)
	assert.Equal(t, 200, s.Status)
	assert.Equal(t, "remote", s.EndedBy)
	status, err := marie.Options(within(t), pauline.URI())
	require.NoError(t, err)
	assert.Equal(t, 200, status)
}

func TestNobodyThere(t *testing.T) {
	marie := phone(t, Config{Name: "marie"})
	a, err := marie.Call("sip:nobody@127.0.0.1:9;transport=tcp", CallOptions{})
	require.NoError(t, err)
	require.NoError(t, a.WaitReleased(within(t)))
	assert.Equal(t, "transport", a.Summary().EndedBy)
}

func TestWrongConfigurations(t *testing.T) {
	for what, cfg := range map[string]Config{
		"aor":       {AOR: "marie"},
		"listen":    {AOR: "sip:m@x", Listen: "sctp:127.0.0.1:0"},
		"proxy":     {AOR: "sip:m@x", Proxy: "<>"},
		"media ip":  {AOR: "sip:m@x", MediaIP: "here"},
		"codec":     {AOR: "sip:m@x", Media: Media{Audio: []string{"PCMU"}}},
		"suite":     {AOR: "sip:m@x", Media: Media{Suites: []string{"ROT13"}}},
		"cipher":    {AOR: "sip:m@x", Media: Media{Encryption: "rot13"}},
		"direction": {AOR: "sip:m@x", Media: Media{Direction: "up"}},
	} {
		_, err := New(cfg)
		assert.Error(t, err, what)
	}
	marie := phone(t, Config{Name: "marie"})
	_, err := marie.Call("nonsense:", CallOptions{})
	assert.Error(t, err)
	_, err = marie.Call("sip:x@127.0.0.1:9", CallOptions{Media: &Media{Audio: []string{}}})
	assert.Error(t, err)
}
