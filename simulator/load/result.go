package load

import "time"

// Result of one measurement. Times of the B2BUA are CPU times of its processes; without PID they are 0.
type Result struct {
	Kind      string         `json:"kind"` // "calls" or "media"
	Network   string         `json:"network"`
	A         string         `json:"a"`
	B         string         `json:"b"`
	Calls     int            `json:"calls"`
	Answered  int            `json:"answered"`
	Completed int            `json:"completed"` // answered, released and both ends told
	Failed    int            `json:"failed"`
	Failures  map[string]int `json:"failures,omitempty"` // by cause

	Seconds    float64 `json:"seconds"`      // calls: first INVITE to last BYE; media: set-up of all
	PerSecond  float64 `json:"calls_per_s"`  // completed (media: set up) in that time
	SetupP50   float64 `json:"setup_ms_p50"` // INVITE to 200
	SetupP99   float64 `json:"setup_ms_p99"`
	SetupMax   float64 `json:"setup_ms_max"`
	CallCPU    float64 `json:"dut_cpu_us_per_call"` // calls: whole life; media: set-up only
	Repeated   int     `json:"retransmissions"`
	Reinvites  int     `json:"reinvites"`
	Strange    int     `json:"strange_messages"`
	EndedByDUT int     `json:"calls_ended_by_dut"`

	Media *MediaResult `json:"media,omitempty"`
	Burst *BurstResult `json:"burst,omitempty"`

	DUTCPU     float64 `json:"dut_cpu_percent"`
	Generator  float64 `json:"generator_cpu_percent"`
	Foreign    float64 `json:"foreign_cpu_percent"` // others on the machine; above 15 latencies are worth nothing
	CPUBusy    float64 `json:"dut_core_busy_percent,omitempty"`
	Memory     int     `json:"dut_rss_kb"`
	MemoryEach float64 `json:"dut_rss_kb_per_call"` // growth by the calls; media: at the end of the measured window
}

// MediaResult is the measured window of the packets.
type MediaResult struct {
	Seconds      float64 `json:"seconds"`
	Sent         uint64  `json:"sent"`
	Received     uint64  `json:"received"`
	LossPercent  float64 `json:"loss_percent"`
	WorstPercent float64 `json:"worst_leg_loss_percent"`
	SilentLegs   int     `json:"silent_legs"`
	Verified     uint64  `json:"verified"` // decrypted and byte for byte what was sent
	NotDecrypted uint64  `json:"decrypt_failures"`
	Altered      uint64  `json:"altered"`
	Unknown      uint64  `json:"unknown_source"`
	RTCP         uint64  `json:"rtcp"`
	PacketCPU    float64 `json:"dut_cpu_us_per_packet"`
	UserCPU      float64 `json:"dut_user_us_per_packet"`
	SystemCPU    float64 `json:"dut_system_us_per_packet"`
	AddedP50     float64 `json:"added_us_p50"` // send to the kernel's receive time stamp: the B2BUA's queue, work and send
	AddedP90     float64 `json:"added_us_p90"`
	AddedP99     float64 `json:"added_us_p99"`
	AddedMax     float64 `json:"added_us_max"`
	LateP50      float64 `json:"generator_late_us_p50"` // packet due to sent; not in the added latency
	LateP99      float64 `json:"generator_late_us_p99"`
	BehindMax    float64 `json:"generator_behind_ms_max"`
	OwnDrops     uint64  `json:"generator_drops"`
	DUTDrops     int64   `json:"dut_drops"`
	SendErrors   uint64  `json:"send_errors"`
}

// BurstResult is what became of many handshakes at once while the packets flowed.
type BurstResult struct {
	By         string         `json:"by"` // "dtls" or "zrtp"
	Handshakes int            `json:"handshakes"`
	Complete   int            `json:"complete"`
	Seconds    float64        `json:"seconds"` // first to last handshake; 0: they were not all over
	Failures   map[string]int `json:"failures,omitempty"`
}

// burstLimit is how long all handshakes of a burst may take.
const burstLimit = 10 * time.Second

func (b *BurstResult) ok() bool {
	return b.Complete >= b.Handshakes && b.Seconds > 0 && b.Seconds <= burstLimit.Seconds()
}

// OK tells whether nothing was lost that should not be: every call completed, media loss at most 0.1 %, with a burst none, and no packet altered or undecryptable.
func (r *Result) OK() bool {
	if r.Failed > 0 || r.Completed < r.Calls {
		return false
	}
	m := r.Media
	if r.Burst != nil && (!r.Burst.ok() || m == nil || m.Received != m.Sent) { // its question is whether anybody notices
		return false
	}
	return m == nil || m.LossPercent <= 0.1 && m.Verified > 0 && m.NotDecrypted == 0
}
