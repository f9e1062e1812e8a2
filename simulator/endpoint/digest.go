package endpoint

import (
	"b2bua/core/digest"
	"b2bua/core/sip"
)

// authenticate builds the answer to a challenge, or nil when there is none, no password, or the password was refused.
func (p *Phone) authenticate(req, resp *sip.Message) *sip.Message {
	if resp.Status != 401 && resp.Status != 407 || p.cfg.Password == "" {
		return nil
	}
	if p.digest == nil {
		p.digest = digest.NewClient([]digest.Credentials{{User: p.cfg.Username, Password: digest.Secret(p.cfg.Password)}}, p.rand)
	}
	next, err := p.digest.Answer(req, resp)
	if err != nil {
		p.cfg.Log.Info("a challenge is not answered", "phone", p.cfg.Name, "error", err)
		return nil
	}
	next.CSeq.Number++
	if req.Method == sip.REGISTER && p.keepAlive != nil {
		p.keepAlive.number++
		next.CSeq.Number = p.keepAlive.number
	}
	return next
}
