package bulwark

import "net/http"

// A tally remembers what has been reported of one request, so that one refusal
// is one event: of what is told twice the second time is left out, and what
// nobody has told is told by the audit layer. It is bounded; what it forgets is
// reported once more, which errs on the loud side. All methods accept nil,
// which is an empty tally, and need the record's lock.
type tally struct {
	events  [6]told    // the first few different ones of this request
	answers [4]refusal // the last few of Deny, of sub-requests too
	next    int        // the place in answers that is overwritten next
}

// told is one event: its name, its status, and the innermost scope that it was
// reported in.
type told struct {
	name   EventName
	status int
	scope  *Scope
}

// A refusal is what Deny has written into one answer. The answer is told apart
// by the address of its Header: writers are never compared, since == on
// interfaces can panic. The map itself is kept, so that no other answer gets
// its address meanwhile.
type refusal struct {
	answer http.Header
	name   EventName
	reason string
	status int
}

// has reports whether an event of the request, or a refusal in that answer, has
// the name and the status. An empty name and a zero status match all.
func (t *tally) has(answer http.Header, name EventName, status int) bool {
	if t == nil {
		return false
	}
	for _, known := range t.events {
		if known.scope != nil && (name == "" || known.name == name) && (status == 0 || known.status == status) {
			return true
		}
	}
	for _, known := range t.answers {
		if sameHeader(known.answer, answer) && (name == "" || known.name == name) && (status == 0 || known.status == status) {
			return true
		}
	}
	return false
}

// tells reports whether an event of that name was reported in the scope or in
// one around it: not in that of a neighbour.
func (t *tally) tells(name EventName, s *Scope) bool {
	if t == nil {
		return false
	}
	for _, known := range t.events {
		if known.name != name {
			continue
		}
		for around := s; around != nil; around = around.outer {
			if around == known.scope {
				return true
			}
		}
	}
	return false
}

// note remembers an event.
func (t *tally) note(e told) {
	for i, known := range t.events {
		if known == e {
			return
		}
		if known.scope == nil {
			t.events[i] = e
			return
		}
	}
}

// wrote reports whether Deny has written that refusal into that answer before.
func (t *tally) wrote(this refusal) bool {
	if t == nil {
		return false
	}
	for _, known := range t.answers {
		if sameHeader(known.answer, this.answer) && known.name == this.name && known.reason == this.reason {
			return true
		}
	}
	return false
}

// mark remembers a refusal in an answer.
func (t *tally) mark(this refusal) {
	t.answers[t.next] = this
	t.next = (t.next + 1) % len(t.answers)
}

// counted is called with the lock held.
func (rec *record) counted() *tally {
	if rec.tally == nil {
		rec.tally = new(tally)
	}
	return rec.tally
}

// note remembers an event of the request. A failed login that names no status
// is the 401 that follows: nobody but the application reports it.
func (s *Scope) note(name EventName, status int) {
	if name == AuthnLoginFail && status == 0 {
		status = http.StatusUnauthorized
	}
	s.shared.mu.Lock()
	defer s.shared.mu.Unlock()
	s.shared.counted().note(told{name, status, s})
}

// marks remembers a refusal in an answer, also for the requests that this one
// is a sub-request of: their answer may be the same. It reports whether this
// request meets the refusal for the first time.
func (s *Scope) marks(this refusal) (first bool) {
	for rec := s.shared; rec != nil; rec = rec.outer {
		rec.mu.Lock()
		fresh := !rec.tally.wrote(this)
		if fresh {
			rec.counted().mark(this)
		}
		rec.mu.Unlock()
		if rec == s.shared {
			first = fresh
		}
	}
	return first
}

// explains reports whether an event has told already why a caller is missing: a
// bad cookie counts as no credential, and the 401 is its consequence.
func (s *Scope) explains(p *Problem) bool {
	if p.Status != http.StatusUnauthorized || p.Log.Event != AuthzFail {
		return false
	}
	s.shared.mu.Lock()
	defer s.shared.mu.Unlock()
	return s.shared.tally.tells(AuthnTokenInvalid, s) || s.shared.tally.tells(AuthnTokenReuse, s)
}
