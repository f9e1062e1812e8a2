package zrtp

import "b2bua/media/zrtp/alg"

// Job is public-key work. It shares nothing with the stream while it runs.
type Job struct {
	run     func(*Job)
	private alg.Secret // what run needs and wipes
	stream  *Stream
	begun   bool
	party   *alg.Party
	result  alg.Secret
	err     error
}

// Run does the work: on any goroutine, once.
func (j *Job) Run() { j.run(j) }

// Stream is whose job it is.
func (j *Job) Stream() *Stream { return j.stream }

// Begun tells whether an exchange waits for the job that has had work done before: to end it comes before the beginning of others.
func (j *Job) Begun() bool { return j.begun }

// Wipe overwrites its secrets; for one that has run or never will, and is not given back.
func (j *Job) Wipe() {
	j.private.Wipe()
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
	st.give(&Job{private: private, begun: st.worked, run: func(j *Job) {
		if role == alg.Initiator {
			j.party, j.err = agreement.Initiate(hash, j.private)
		} else {
			j.party, j.err = agreement.Respond(hash, j.private, commit)
		}
		j.private.Wipe()
	}})
}

// agree asks for DHResult. The party is the job's until it is given back.
func (st *Stream) agree(public []byte) {
	public = append([]byte(nil), public...)
	st.give(&Job{party: st.party, begun: true, run: func(j *Job) { j.result, j.err = j.party.Result(public) }})
	st.party = nil
}

func (st *Stream) give(j *Job) {
	j.stream = st
	st.job = j
	st.out(NeedKeys{Job: j})
}
