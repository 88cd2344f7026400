package bulwark

import "net/http"

// A tally remembers what has been reported of one request, so that one refusal
// is one event. A second report of the same refusal is left out. A refusal
// without a report is reported by the audit layer. A tally is bounded: a
// refusal that it forgets is reported once more, because a double report is
// better than none. All methods accept nil, which is an empty tally, and need
// the record's lock.
type tally struct {
	events  [6]told    // the first few different ones of this request
	answers [4]refusal // the last few of Deny, also of sub-requests
	next    int        // the place in answers that is overwritten next
}

// told is one event: its name, its status, and the place that it was reported
// in, which is a pointer and only compared. An event explains the one answer
// that is its consequence, and no other.
type told struct {
	name     EventName
	status   int
	place    any
	explains http.Header // nil while it has explained nothing
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
		if known.place != nil && (name == "" || known.name == name) && (status == 0 || known.status == status) {
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

// guessed reports whether a credential was presented that is not good.
func (t *tally) guessed() bool {
	if t == nil {
		return false
	}
	for _, known := range t.events {
		switch known.name {
		case AuthnTokenInvalid, AuthnTokenReuse, AuthnLoginFail, AuthnLoginFailMax, SessionUseAfterExpire:
			return true
		}
	}
	return false
}

// explains reports whether an event of that name, reported in that place, is
// the cause of the answer: the first that is asked for, again and again.
func (t *tally) explains(name EventName, place any, answer http.Header) bool {
	if t == nil {
		return false
	}
	for i, known := range t.events {
		if known.place != place || known.name != name {
			continue
		}
		if known.explains == nil {
			t.events[i].explains = answer
			return true
		}
		if sameHeader(known.explains, answer) {
			return true
		}
	}
	return false
}

// note remembers an event.
func (t *tally) note(e told) {
	for i, known := range t.events {
		if known.name == e.name && known.status == e.status && known.place == e.place {
			return
		}
		if known.place == nil {
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
