package authz

import (
	"net/http"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/bulwark-go/bulwark"
	"github.com/bulwark-go/bulwark/internal/fault"
)

// maxAskName bounds the names that a rule gives to an engine, in bytes.
const maxAskName = 256

// An asking is a question of a rule to an engine.
type asking struct {
	engine           Engine
	resource, action string
}

// String describes the question, as in "engine report:run".
func (a asking) String() string { return "engine " + a.resource + ":" + a.action }

// Ask returns a rule that also asks an engine. The engine gets a [Query] with
// the caller, the resource and the action, and without a reach and an id:
//
//	authz.Authenticated().Ask(pdp, "report", "run")
//
// The policy does not know the resource and the action, because they are words
// of the engine. Each has 1 to 256 bytes of printable text. To ask an engine
// about an object, use [Resource.Engines].
//
// The engine is asked last, and only if everything else in the rule passes. The
// order of the questions is:
//
//   - The parts of [All] are asked in their order, up to the first that does
//     not pass.
//   - The parts of [Any] that need no engine go first. If one of them passes,
//     no engine is asked. The others are asked in their order, up to the first
//     that passes.
//   - The engine of the All or Any itself is asked after its parts.
//   - If Ask is called several times, all of the engines must allow. They are
//     asked in the order of the calls.
//
// If an engine denies, the answer is 403 "authz.forbidden". The event has the
// id and the reason of the [Decision] in the attribute decision. If an engine
// does not answer, the answer is 503 "authz.engine_unavailable", unless another
// part of an Any passes. An anonymous caller is 401, and no engine is asked.
// All questions of a request have 5 seconds together.
//
// A nil engine is refused at registration. So is Ask on a Public rule.
// [Mux.Routes] shows the route as weak, because it cannot know what the engine
// says.
func (r Rule) Ask(engine Engine, resource, action string) Rule {
	switch {
	case fault.IsNil(engine):
		return r.wrong("asks an engine that is nil; give Ask an Engine, or remove the call")
	case !askName(resource) || !askName(action):
		return r.wrong("asks an engine about a resource or an action that is empty, longer than 256 bytes, or has a character that is not printable; write for example Ask(engine, \"report\", \"run\")")
	}
	r.asks = append(r.asks[:len(r.asks):len(r.asks)], asking{engine, resource, action})
	return r
}

// askName reports whether the text can be a name in a question.
func askName(text string) bool { return text != "" && printable(text, maxAskName) }

// printable reports whether a text has at most that many bytes, and nothing but
// characters that print.
func printable(text string, most int) bool {
	unprintable := func(c rune) bool { return !unicode.IsPrint(c) }
	return len(text) <= most && utf8.ValidString(text) && !strings.ContainsFunc(text, unprintable)
}

// asksAny reports whether the check or a part of it asks an engine.
func (c *check) asksAny() bool {
	if len(c.asks) > 0 {
		return true
	}
	for i := range c.parts {
		if c.parts[i].engines {
			return true
		}
	}
	return false
}

// inquire asks the engines of a rule whose other conditions the caller has met.
// It returns the refusal, or nil.
func (p *pass) inquire(r *http.Request) error {
	in := inquire(r)
	defer in.end()
	v, at := p.ask(in, p.check)
	switch v {
	case passed:
		p.said = in.yes
		return nil
	case undecided:
		return in.outage(r, p.check)
	}
	_, s := bulwark.Enter(r)
	refusal := p.check.problem(v, at, s)
	refusal.Log.Attrs = decided(refusal.Log.Attrs, in.no)
	return refusal
}

// ask is verdict, with the engines.
func (p *pass) ask(in *inquiry, c *check) (refusal, *check) {
	if v, at := c.verdict(&p.held, p.caller); v != passed || !c.engines {
		return v, at
	}
	v, at := passed, c
	switch c.kind {
	case kindAll:
		v, at = p.askAll(in, c)
	case kindAny:
		v, at = p.askAny(in, c)
	}
	if v != passed {
		return v, at
	}
	for _, a := range c.asks {
		if v = in.ask(a.engine, Query{Principal: p.caller, Resource: a.resource, Action: a.action}); v != passed {
			return v, c
		}
	}
	return passed, c
}

// askAll asks the parts up to the first that does not pass.
func (p *pass) askAll(in *inquiry, c *check) (refusal, *check) {
	for i := range c.parts {
		if v, at := p.ask(in, &c.parts[i]); v != passed {
			return v, at
		}
	}
	return passed, c
}

// askAny returns the part that is nearest to passing. The parts without an
// engine come first, because they cost nothing.
func (p *pass) askAny(in *inquiry, c *check) (refusal, *check) {
	best, at := anonymous, c
	for _, engines := range [...]bool{false, true} {
		for i := range c.parts {
			if c.parts[i].engines != engines {
				continue
			}
			if v, part := p.ask(in, &c.parts[i]); v < best {
				best, at = v, part
			}
			if best == passed {
				return passed, at
			}
		}
	}
	return best, at
}
