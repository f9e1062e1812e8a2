package zrtp

import "b2bua/media/zrtp/alg"

// Job is public-key work. It shares nothing with the stream while it runs.
type Job struct {
	run    func(*Job)
	stream *Stream
	party  *alg.Party
	result alg.Secret
	err    error
}

// Run does the work: on any goroutine, once.
func (j *Job) Run() { j.run(j) }

// Stream is whose job it is.
func (j *Job) Stream() *Stream { return j.stream }

// Wipe overwrites what the job made; for one that is not given back.
func (j *Job) Wipe() {
	if j.party != nil {
		j.party.Wipe()
	}
	j.result.Wipe()
}

// String keeps its values out of print.
func (j *Job) String() string { return "zrtp job" }

// GoString is String.
func (j *Job) GoString() string { return j.String() }

// prepare asks for the key pair of a role; commit is the public key of the peer's Commit, if it has one.
func (st *Stream) prepare(role alg.Role, suite alg.Suite, commit []byte) {
	agreement, _ := alg.AgreementOf(suite.Agreement) // a suite of DH mode has one
	private, err := agreement.Draw(st.session.config.Rand, role, suite.Cipher)
	if err != nil {
		st.fail(CodeSoftware, "no randomness")
		return
	}
	hash, commit := suite.Hash, append([]byte(nil), commit...)
	st.give(func(j *Job) {
		if role == alg.Initiator {
			j.party, j.err = agreement.Initiate(hash, private)
		} else {
			j.party, j.err = agreement.Respond(hash, private, commit)
		}
		private.Wipe()
	})
}

// agree asks for DHResult. The party is the job's until it is given back.
func (st *Stream) agree(public []byte) {
	party, public := st.party, append([]byte(nil), public...)
	st.party = nil
	st.give(func(j *Job) {
		j.party = party
		j.result, j.err = party.Result(public)
	})
}

func (st *Stream) give(run func(*Job)) {
	st.job = &Job{run: run, stream: st}
	st.out(NeedKeys{Job: st.job})
}
