// Package traffic makes labelled traffic for tests of detectors, counters and
// alerts: what an observer of the audit layer sees of a small service in an
// hour or a day, with ordinary users of four kinds and one attack. The same
// seed always makes the same traffic.
//
// The ordinary users are in ordinary.go, with the rates that were chosen for
// them. The attacks are in attack.go. All rates are assumptions, and are
// documented there. They are not measured at a real service.
//
// The service has no rate limits, so that observers see every request of an
// attack.
package traffic

import (
	"cmp"
	"iter"
	"math/rand/v2"
	"slices"
	"time"

	"github.com/bulwark-go/bulwark"
	"github.com/bulwark-go/bulwark/audit"
)

// Start is the time of day at which every scenario begins.
var Start = time.Date(2026, 1, 5, 8, 0, 0, 0, time.UTC)

// A Step is one request, as the observers of an audit layer see it: first
// Record with Event, unless its Name is empty, then Answered with Answer.
type Step struct {
	At     time.Duration // since the beginning of the scenario
	Actor  string        // who sent it, such as "browser-12" or "probing-0"
	Kind   string        // an ordinary kind, or the name of the attack
	Attack bool          // the label
	// Account is the name that was typed at a login, and empty elsewhere. No
	// event holds it: a detector makes a pseudonym of it.
	Account string
	Event   bulwark.Event
	Answer  audit.Answer
}

// The kinds of ordinary users.
const (
	Browser = "browser" // people at home, and their apps
	Office  = "office"  // people behind one address
	Partner = "partner" // batch clients with an API key
	Crawler = "crawler" // monitors and search engines
)

// A Scenario is traffic of some length.
type Scenario struct {
	Name   string
	Length time.Duration // a whole number of hours. Default: 1 hour
	// Browsers, People, Partners and Crawlers are how many users there are in
	// each hour. People are those of the office. Default of all four together:
	// 400, 200, 4 and 4. With a negative number there is none of the kind.
	Browsers, People, Partners, Crawlers int
	// Attack is one of [Attacks], or empty for a quiet scenario.
	Attack string
	// Slow makes the attacker stay just below the threshold of the rule that
	// is meant for the attack.
	Slow bool
	// Every is the time between two requests of one source of the attack.
	// Default: the pace of the attack, see [Attacks].
	Every time.Duration
}

// Hours returns the scenarios of one hour: the quiet hour, then each attack at
// its usual pace, then each attack just below its threshold.
func Hours() []Scenario {
	all := []Scenario{{Name: "quiet"}}
	for _, a := range Attacks {
		all = append(all, Scenario{Name: a.Name, Attack: a.Name})
	}
	for _, a := range Attacks {
		all = append(all, Scenario{Name: a.Name + "_slow", Attack: a.Name, Slow: true})
	}
	return all
}

// Steps returns the steps of the scenario in the order of time.
func (s Scenario) Steps(seed uint64) iter.Seq[Step] {
	s.Length = cmp.Or(s.Length, time.Hour)
	s.Browsers, s.People = cmp.Or(s.Browsers, 400), cmp.Or(s.People, 200)
	s.Partners, s.Crawlers = cmp.Or(s.Partners, 4), cmp.Or(s.Crawlers, 4)
	return func(yield func(Step) bool) {
		users := s.users(seed)
		attack := s.attack(rand.New(rand.NewPCG(seed, 1)))
		for hour := time.Duration(0); hour < s.Length; hour += time.Hour {
			var all []action
			for _, u := range users {
				u.hour(hour, func(a action) { all = append(all, a) })
			}
			for len(attack) > 0 && attack[0].at < hour+time.Hour {
				all, attack = append(all, attack[0]), attack[1:]
			}
			slices.SortStableFunc(all, func(a, b action) int { return cmp.Compare(a.at, b.at) })
			for i := range all {
				// A visit may go on when the hour is over. It ends there, so
				// that the order holds.
				if all[i].at < hour+time.Hour && !yield(all[i].step()) {
					return
				}
			}
		}
	}
}

// A user makes ordinary requests.
type user interface {
	hour(start time.Duration, do func(action))
}

func (s Scenario) users(seed uint64) []user {
	var all []user
	next := uint64(1)
	random := func() *rand.Rand {
		next++
		return rand.New(rand.NewPCG(seed, next))
	}
	for i := range max(0, s.Browsers) {
		all = append(all, newHome(random(), i))
	}
	for i := range max(0, s.People) {
		all = append(all, newColleague(random(), i))
	}
	for i := range max(0, s.Partners) {
		all = append(all, newPartner(random(), i))
	}
	for i := range max(0, s.Crawlers) {
		all = append(all, newCrawler(random(), i))
	}
	return all
}
