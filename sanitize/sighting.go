package sanitize

import (
	"errors"
	"log/slog"
	"net/http"

	"github.com/bulwark-go/bulwark"
)

// maxSightings bounds what is reported of one request.
const maxSightings = 8

const codeSuspicious = "sanitize.suspicious"

// A sighting is a payload, without the payload.
type sighting struct {
	at                         part
	pointer, rule, fingerprint string
	count                      int
}

// same reports whether two sightings are of one rule and place.
func (s *sighting) same(other *sighting) bool {
	return s.at.in() == other.at.in() && s.pointer == other.pointer && s.rule == other.rule
}

// sightings are the payloads of a request. The last one also counts the
// payloads for which there was no room.
type sightings struct{ list []sighting }

// add adds a sighting if there is a rule.
func (f *sightings) add(at part, pointer, rule, fingerprint string) {
	if rule == "" {
		return
	}
	s := sighting{at, pointer, rule, fingerprint, 1}
	if known := f.find(&s); known != nil {
		known.count++
		return
	}
	if len(f.list) == maxSightings {
		f.list[maxSightings-1].count++
		return
	}
	f.list = append(f.list, s)
}

func (f *sightings) find(s *sighting) *sighting {
	for i := range f.list {
		if f.list[i].same(s) {
			return &f.list[i]
		}
	}
	return nil
}

// reported are the sightings that a layer has reported for the request, so that
// a second layer does not report them again.
var reported bulwark.Slot[*sightings]

// report reports the sightings, and returns the request that remembers it.
func (f *sightings) report(r *http.Request) *http.Request {
	r, scope := bulwark.Enter(r)
	before, known := reported.Get(scope)
	all := &sightings{}
	if known {
		all.list = append(all.list, before.list...)
	}
	for i := range f.list {
		s := &f.list[i]
		if len(all.list) >= maxSightings || all.find(s) != nil {
			continue
		}
		all.list = append(all.list, *s)
		bulwark.Report(r, s.event("reported", 0))
	}
	reported.Set(scope, all)
	return r
}

// reject reports the sightings of a request that is refused, and returns the
// refusal.
func (f *sightings) reject(r *http.Request) *bulwark.Problem {
	r, _ = bulwark.Enter(r)
	p := &bulwark.Problem{
		Status: http.StatusBadRequest,
		Code:   codeSuspicious,
		Detail: "The request has text that looks like an attack; see errors.",
		Log:    bulwark.ProblemLog{Event: bulwark.NoEvent}, // the events say more
		Err:    errSuspicious,
	}
	for i := range f.list {
		s := &f.list[i]
		bulwark.Report(r, s.event("rejected", p.Status))
		p.Errors = append(p.Errors, s.fieldError())
	}
	return p
}

var errSuspicious = errors.New("sanitize.Config.Detect is DetectReject and finds a payload; DetectExcept takes the fields that hold code on purpose")

func (s *sighting) event(action string, status int) bulwark.Event {
	name := bulwark.MaliciousExtraneous
	if s.rule == ruleSQLi {
		name = bulwark.MaliciousSQLi
	}
	return bulwark.Event{
		Name: name, Reason: codeSuspicious, Rule: s.rule, Status: status, Count: s.count,
		Attrs: [4]slog.Attr{slog.String("in", s.at.in()), slog.String("pointer", s.pointer), slog.String("fingerprint", s.fingerprint), slog.String("action", action)},
	}
}

// fieldError is the sighting in the answer.
func (s *sighting) fieldError() bulwark.FieldError {
	e := bulwark.FieldError{Pointer: s.pointer, In: s.at.in(), Code: s.rule, Detail: details[s.rule]}
	if e.In == inForm {
		e.In = inBody
	}
	if s.pointer != "" && s.at != bodyValue && s.at != bodyName {
		e.Pointer = "/" + escape.Replace(s.pointer)
	}
	return e
}

// details are the sentences of an answer. They say no more than the rule.
var details = map[string]string{
	ruleNoSQL:      "Must not have the name of a query operator.",
	ruleCRLF:       "Must not have a line break before a header field.",
	ruleTemplate:   "Must not have an expression of a template.",
	ruleXSS:        "Must not have a script.",
	ruleSQLi:       "Must not look like a part of an SQL statement.",
	ruleTraversal:  "Must not be a path that leaves its directory.",
	ruleUnreadable: "Cannot be examined.",
}
