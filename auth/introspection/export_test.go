package introspection

import (
	"time"

	"github.com/bulwark-go/bulwark"
)

// Believed reports whether an answer that was asked for at a time, about a
// token that ends at expires, is believed at another, for so long at most.
func Believed(asked, expires, now time.Time, most time.Duration) bool {
	a := &answer{principal: &bulwark.Principal{ExpiresAt: expires}, asked: asked}
	return a.live(now, most)
}

// Held is how many entries are remembered about good tokens, in how many bytes,
// and how many about others.
func (i *Introspector) Held() (good, bytes, others int) {
	good, bytes = i.memory.answers.Held()
	others, _ = i.memory.others.Held()
	return good, bytes, others
}

// Read judges an answer by the rules of i, and returns its subject and why it
// is refused, or "failure".
func (i *Introspector) Read(body []byte, now time.Time) (p *bulwark.Principal, reason string) {
	o := i.rules.read(body, now, now)
	switch {
	case o.answer != nil:
		return o.answer.principal, ""
	case o.refusal != nil:
		return nil, o.refusal.err.(*bulwark.Problem).Log.Reason
	}
	return nil, "failure"
}

// Key is what a token is remembered by, for one client at one endpoint.
func Key(endpoint, client, token string) [32]byte {
	scope := scopeOf(endpoint, client)
	return scope.of(token)
}
