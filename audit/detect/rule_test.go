package detect_test

import (
	"fmt"
	"net/netip"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"github.com/bulwark-go/bulwark"
	"github.com/bulwark-go/bulwark/audit"
	"github.com/bulwark-go/bulwark/audit/detect"
)

// A step of a script: n times what do makes, with a pause after each.
type script struct {
	n     int
	every time.Duration
	do    func(d *detect.Detector, i int) bulwark.Event
}

func fails(ip string) func(*detect.Detector, int) bulwark.Event {
	return func(d *detect.Detector, i int) bulwark.Event { return failure(d, ip, fmt.Sprint("user", i)) }
}

func guesses(account string) func(*detect.Detector, int) bulwark.Event {
	return func(d *detect.Detector, i int) bulwark.Event {
		return failure(d, fmt.Sprintf("198.51.100.%d", i), account)
	}
}

func oneOnOne(d *detect.Detector, _ int) bulwark.Event { return failure(d, "192.0.2.1", "alice") }

func objects(first, step int) func(*detect.Detector, int) bulwark.Event {
	return func(_ *detect.Detector, i int) bulwark.Event {
		return object("alice", fmt.Sprint("/documents/", first+i*step))
	}
}

func paths(_ *detect.Detector, i int) bulwark.Event {
	return nowhere("192.0.2.1", fmt.Sprint("/admin/", i))
}

func login(d *detect.Detector, _ int) bulwark.Event { return success(d, "alice") }

func token(reason string) func(*detect.Detector, int) bulwark.Event {
	return func(*detect.Detector, int) bulwark.Event {
		return bulwark.Event{Name: bulwark.AuthnTokenInvalid, Status: 401, Reason: reason, ClientIP: netip.MustParseAddr("192.0.2.1")}
	}
}

// Each rule says nothing just below its threshold, and speaks at it.
func TestThresholds(t *testing.T) {
	const (
		brute, stuffing, guessing = detect.BruteForce, detect.CredentialStuffing, detect.DistributedGuessing
		enumerated, probed, late  = detect.Enumeration, detect.Probing, detect.SuccessAfterFailures
	)
	for _, test := range []struct {
		name   string
		script []script
		want   []detect.Rule
	}{
		{"brute_force_below", []script{{4, 0, oneOnOne}}, nil},
		// Once by the address and once by the account.
		{"brute_force", []script{{5, 0, oneOnOne}}, []detect.Rule{brute, brute}},
		{"brute_force_spread", []script{{5, 2 * time.Second, oneOnOne}}, []detect.Rule{brute, brute}},
		{"brute_force_leaks", []script{{100, 10*time.Second + 10*time.Millisecond, oneOnOne}}, nil},
		{"brute_force_leaks_slower", []script{{4, 0, oneOnOne}, {1, 10 * time.Second, oneOnOne}, {1, 0, oneOnOne}}, []detect.Rule{brute, brute}},
		{"brute_force_leaked", []script{{3, 0, oneOnOne}, {1, 21 * time.Second, oneOnOne}, {2, 0, oneOnOne}}, nil},
		{"brute_force_of_the_account", []script{{5, 0, guesses("alice")}}, []detect.Rule{brute}},
		{"guessed_tokens_below", []script{{4, 0, token("signature")}}, nil},
		{"guessed_tokens", []script{{2, 0, token("signature")}, {2, 0, token("key")}, {1, 0, token("session")}}, []detect.Rule{brute}},
		{"expired_tokens", []script{{20, 0, token("expired")}, {20, 0, token("revoked")}, {20, 0, token("malformed")}}, nil},
		{"stuffing_below", []script{{4, 11 * time.Second, fails("192.0.2.1")}}, nil},
		{"stuffing", []script{{5, 11 * time.Second, fails("192.0.2.1")}}, []detect.Rule{stuffing}},
		{"stuffing_one_account", []script{{20, 11 * time.Second, oneOnOne}}, nil},
		{"stuffing_slides", []script{{100, 76 * time.Second, fails("192.0.2.1")}}, nil},
		{"stuffing_across_windows", []script{{3, 76 * time.Second, fails("192.0.2.1")}, {3, 11 * time.Second, func(d *detect.Detector, i int) bulwark.Event { return failure(d, "192.0.2.1", fmt.Sprint("other", i)) }}}, []detect.Rule{stuffing}},
		{"guessing_below", []script{{9, 11 * time.Second, guesses("alice")}}, nil},
		{"guessing", []script{{10, 11 * time.Second, guesses("alice")}}, []detect.Rule{guessing}},
		{"guessing_slides", []script{{40, 408 * time.Second, guesses("alice")}}, nil},
		{"enumeration_below", []script{{9, 0, objects(10, 7)}}, nil},
		{"enumeration", []script{{10, 0, objects(10, 7)}}, []detect.Rule{enumerated}},
		{"enumeration_one_object", []script{{50, 0, objects(10, 0)}}, nil},
		{"enumeration_slides", []script{{50, 34 * time.Second, objects(10, 7)}}, nil},
		{"enumeration_up_below", []script{{5, 0, objects(10, 1)}}, nil},
		{"enumeration_up", []script{{6, 0, objects(10, 1)}}, []detect.Rule{enumerated}},
		{"enumeration_up_slowly", []script{{6, 4 * time.Minute, objects(10, 1)}}, []detect.Rule{enumerated}},
		{"enumeration_up_too_slowly", []script{{60, 5*time.Minute + time.Second, objects(10, 1)}}, nil},
		{"enumeration_down_below", []script{{5, 0, objects(90, -1)}}, nil},
		{"enumeration_down", []script{{6, 0, objects(90, -1)}}, []detect.Rule{enumerated}},
		{"enumeration_turns", []script{{5, 0, objects(90, -1)}, {4, 0, objects(87, 1)}}, nil},
		{"probing_below", []script{{9, 0, paths}}, nil},
		{"probing", []script{{10, 0, paths}}, []detect.Rule{probed}},
		{"probing_leaks", []script{{100, 11 * time.Second, paths}}, nil},
		{"probing_one_path", []script{{100, 0, func(*detect.Detector, int) bulwark.Event { return nowhere("192.0.2.1", "/favicon.ico") }}}, nil},
		{"late_success_below", []script{{2, 11 * time.Second, oneOnOne}, {1, 0, login}}, nil},
		{"late_success", []script{{3, 11 * time.Second, oneOnOne}, {1, 0, login}}, []detect.Rule{late}},
		{"late_success_begins_again", []script{{2, 11 * time.Second, oneOnOne}, {1, 0, login}, {2, 11 * time.Second, oneOnOne}, {1, 0, login}}, nil},
		{"late_success_once", []script{{3, 11 * time.Second, oneOnOne}, {1, 0, login}, {3, 11 * time.Second, oneOnOne}, {1, 0, login}}, []detect.Rule{late}},
		{"late_success_slides", []script{{20, 31 * time.Minute, oneOnOne}, {1, 0, login}}, nil},
	} {
		t.Run(test.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				var seen anomalies
				d := made(t, detect.Config{OnAnomaly: seen.add})
				for _, s := range test.script {
					for i := range s.n {
						d.Record(t.Context(), s.do(d, i))
						time.Sleep(s.every)
					}
				}
				if got := seen.rules(); !slices.Equal(got, test.want) {
					t.Errorf("%v, want %v", got, test.want)
				}
			})
		})
	}
}

// A rule that is switched off is silent, and the others go on.
func TestOff(t *testing.T) {
	everything := []script{{12, 0, oneOnOne}, {12, 0, fails("192.0.2.2")}, {12, 0, guesses("bob")}, {12, 0, objects(1, 1)}, {12, 0, paths}, {1, 0, login}}
	off := func(rule detect.Rule) detect.Config {
		return detect.Config{
			BruteForce:           detect.LeakConfig{InsecureOff: rule == detect.BruteForce},
			CredentialStuffing:   detect.WindowConfig{InsecureOff: rule == detect.CredentialStuffing},
			DistributedGuessing:  detect.WindowConfig{InsecureOff: rule == detect.DistributedGuessing},
			Enumeration:          detect.EnumerationConfig{InsecureOff: rule == detect.Enumeration},
			Probing:              detect.LeakConfig{InsecureOff: rule == detect.Probing},
			SuccessAfterFailures: detect.WindowConfig{InsecureOff: rule == detect.SuccessAfterFailures},
		}
	}
	all := []detect.Rule{detect.BruteForce, detect.CredentialStuffing, detect.DistributedGuessing, detect.Enumeration, detect.Probing, detect.SuccessAfterFailures}
	for _, rule := range append(all, "") {
		var seen anomalies
		c := off(rule)
		c.OnAnomaly = seen.add
		d := made(t, c)
		for _, s := range everything {
			for i := range s.n {
				d.Record(t.Context(), s.do(d, i))
			}
		}
		for _, other := range all {
			if got := slices.Contains(seen.rules(), other); got != (other != rule) {
				t.Errorf("without %q: %s is reported: %v", rule, other, got)
			}
		}
	}
}

// An actor is told once in a window. What it does in the rest of the window is
// told by the next anomaly.
func TestOnceInAWindow(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var seen anomalies
		d := made(t, detect.Config{OnAnomaly: seen.add})
		for i := range 1000 { // for 1,000 seconds: windows begin at 9, 309, 609 and 909
			d.Record(t.Context(), object("alice", fmt.Sprint("/documents/", i*3)))
			time.Sleep(time.Second)
		}
		var counts []int
		for _, a := range seen.all {
			counts = append(counts, a.Seen)
		}
		if len(counts) != 4 || counts[0] != 10 {
			t.Fatalf("counts %v", counts)
		}
		if sum := counts[1] + counts[2] + counts[3]; sum < 900 || sum > 910 || counts[1] < 299 || counts[1] > 301 {
			t.Errorf("counts %v", counts)
		}
		if a := seen.all[0]; a.Threshold != 10 || a.Window != 5*time.Minute || a.Estimated || a.UserID != "alice" || a.Route != "GET /documents/{id}" || a.Account != "" {
			t.Errorf("%+v", a)
		}
	})
}

// An event with a Count stands for so many attempts.
func TestCount(t *testing.T) {
	for _, test := range []struct{ count, anomalies int }{{0, 0}, {-3, 0}, {4, 0}, {5, 2}, {1 << 62, 2}} {
		var seen anomalies
		d := made(t, detect.Config{OnAnomaly: seen.add})
		e := failure(d, "192.0.2.1", "alice")
		e.Count = test.count
		d.Record(t.Context(), e)
		if len(seen.all) != test.anomalies {
			t.Errorf("count %d: %v", test.count, seen.rules())
		}
		if d.Record(t.Context(), success(d, "alice")); slices.Contains(seen.rules(), detect.SuccessAfterFailures) != (test.count >= 3) {
			t.Errorf("count %d, then a login: %v", test.count, seen.rules())
		}
	}
}

// Actors are the IPv4 address and the IPv6 /64, callers by issuer and subject,
// and routes.
func TestActors(t *testing.T) {
	at := func(ip string) func(int) bulwark.Event {
		return func(i int) bulwark.Event { return nowhere(ip, fmt.Sprint("/", i)) }
	}
	user := func(change func(e *bulwark.Event, i int)) func(int) bulwark.Event {
		return func(i int) bulwark.Event {
			e := object("alice", fmt.Sprint("/documents/", i*3))
			change(&e, i)
			return e
		}
	}
	for _, test := range []struct {
		name string
		a, b func(int) bulwark.Event
		same bool
	}{
		{"ipv4", at("192.0.2.1"), at("192.0.2.2"), false},
		{"ipv4_mapped", at("192.0.2.1"), at("::ffff:192.0.2.1"), true},
		{"nat64", at("198.51.100.7"), at("64:ff9b::198.51.100.7"), true},
		{"ipv6_64", at("2001:db8:0:1::1"), at("2001:db8:0:1:ffff::2"), true},
		{"ipv6_other_64", at("2001:db8:0:1::1"), at("2001:db8:0:2::1"), false},
		{"ipv6_zone", at("fe80::1%eth0"), at("fe80::1%eth1"), true},
		{"caller", user(func(e *bulwark.Event, _ int) {}), user(func(e *bulwark.Event, _ int) { e.ClientIP = netip.MustParseAddr("192.0.2.77") }), true},
		{"other_user", user(func(e *bulwark.Event, _ int) {}), user(func(e *bulwark.Event, _ int) { e.UserID = "bob" }), false},
		{"other_issuer", user(func(e *bulwark.Event, _ int) {}), user(func(e *bulwark.Event, _ int) { e.Issuer = "https://other.example.com" }), false},
		{"other_route", user(func(e *bulwark.Event, _ int) {}), user(func(e *bulwark.Event, _ int) { e.Route = "PATCH /documents/{id}" }), false},
		{"anonymous", user(func(e *bulwark.Event, _ int) { e.UserID = "" }), user(func(e *bulwark.Event, _ int) { e.UserID = ""; e.Issuer = "x" }), true},
		{"anonymous_other_route", user(func(e *bulwark.Event, _ int) { e.UserID = "" }), user(func(e *bulwark.Event, _ int) { e.UserID = ""; e.Route = "PATCH /documents/{id}" }), false},
		{"anonymous_elsewhere", user(func(e *bulwark.Event, _ int) { e.UserID = "" }), user(func(e *bulwark.Event, _ int) { e.UserID = ""; e.ClientIP = netip.MustParseAddr("192.0.2.77") }), false},
	} {
		var seen anomalies
		d := made(t, detect.Config{OnAnomaly: seen.add})
		for i := range 10 { // five each
			from := test.a
			if i%2 == 1 {
				from = test.b
			}
			d.Record(t.Context(), from(i))
		}
		if got := len(seen.all) > 0; got != test.same {
			t.Errorf("%s: counted together: %v", test.name, got)
		}
	}
	// Without an address and without a caller there is nobody to count.
	var seen anomalies
	d := made(t, detect.Config{OnAnomaly: seen.add})
	for i := range 50 {
		d.Record(t.Context(), bulwark.Event{Name: bulwark.AuthnLoginFail, Status: 401})
		d.Record(t.Context(), bulwark.Event{Name: bulwark.AuthzFail, Status: 404, Path: fmt.Sprint("/", i)})
		d.Record(t.Context(), bulwark.Event{Name: bulwark.AuthzFail, Status: 404, Route: "GET /x/{id}", Path: fmt.Sprint("/x/", i)})
	}
	if len(seen.all) > 0 {
		t.Errorf("nobody: %v", seen.rules())
	}
}

// What is an object, and which ids are in a row.
func TestObjects(t *testing.T) {
	numbers := func(format string, first, step int) []string {
		var all []string
		for i := range 8 {
			all = append(all, fmt.Sprintf(format, first+i*step))
		}
		return all
	}
	twice := func(paths []string) (all []string) {
		for _, path := range paths {
			all = append(all, path, path)
		}
		return all
	}
	for _, test := range []struct {
		name, route string
		paths       []string
		want        detect.Rule // with 8 refusals: only a run is found
	}{
		{"decimal", "GET /documents/{id}", numbers("/documents/%d", 95, 1), detect.Enumeration},
		{"zeros_in_front", "GET /documents/{id}", numbers("/documents/%08d", 95, 1), detect.Enumeration},
		{"hexadecimal", "GET /documents/{id}", numbers("/documents/%x", 0xabc8, 1), detect.Enumeration},
		{"object_id", "GET /documents/{id}", numbers("/documents/64b7f3a1c0ffee00dd00%04x", 0xabc8, -1), detect.Enumeration},
		{"each_twice", "GET /documents/{id}", twice(numbers("/documents/%d", 95, 1)), detect.Enumeration},
		{"many_digits", "GET /documents/{id}", numbers("/documents/1234567890123456789012345678901234567%d", 95, 1), ""}, // 37 and more digits with one more at 100
		{"no_id", "GET /documents/{id}", numbers("/x%d/documents/", 95, 1), ""},
		{"uuid", "GET /documents/{id}", numbers("/documents/123e4567-e89b-12d3-a456-4266141740%02x", 16, 1), ""},
		{"steps_of_two", "GET /documents/{id}", numbers("/documents/%d", 95, 2), ""},
		{"other_words", "GET /documents/{id}", numbers("/documents/x%d", 95, 1), ""},
		{"below_the_object", "GET /documents/{id}/shares", numbers("/documents/%d/shares", 95, 1), detect.Enumeration},
		{"prefix_removed", "GET /documents/{id}", numbers("/api/v1/documents/%d", 95, 1), detect.Enumeration},
		{"slash_at_the_end", "GET /documents/{id}/{$}", numbers("/documents/%d/", 95, 1), detect.Enumeration},
		{"host", "GET api.example.com/documents/{id}", numbers("/documents/%d", 95, 1), detect.Enumeration},
		{"gin", "GET /documents/:id", numbers("/documents/%d", 95, 1), detect.Enumeration},
		{"chi", "GET /documents/{id:[0-9]+}", numbers("/documents/%d", 95, 1), detect.Enumeration},
		{"two_wildcards", "GET /users/{user}/documents/{id}", numbers("/users/7/documents/%d", 95, 1), detect.Enumeration},
		{"everything_below", "GET /files/{path...}", numbers("/files/%d", 95, 1), ""},
		{"a_tree", "GET /", numbers("/%d", 95, 1), ""},
		{"gin_below", "GET /files/*path", numbers("/files/%d", 95, 1), ""},
		{"shorter_path", "GET /a/b/{id}", numbers("%d", 95, 1), ""},
	} {
		var seen anomalies
		d := made(t, detect.Config{OnAnomaly: seen.add})
		for _, path := range test.paths {
			e := object("alice", path)
			e.Route = test.route
			d.Record(t.Context(), e)
		}
		if got := seen.rules(); len(got) > 1 || (len(got) == 1) != (test.want != "") {
			t.Errorf("%s: %v", test.name, got)
		}
		if test.want != "" && (len(seen.all) != 1 || seen.all[0].Seen != 6 || seen.all[0].Threshold != 6) {
			t.Errorf("%s: %+v", test.name, seen.all)
		}
	}
}

// A refusal that had an event is not counted again by its answer, whatever path
// each of them has.
func TestReportedAnswers(t *testing.T) {
	for _, reported := range []bool{true, false} {
		var seen anomalies
		d := made(t, detect.Config{OnAnomaly: seen.add})
		for i := range 10 {
			d.Answered(t.Context(), audit.Answer{Event: nowhere("192.0.2.1", fmt.Sprint("/", i)), Reported: reported})
		}
		if got := len(seen.all); got != 1 && !reported || got != 0 && reported {
			t.Errorf("reported %v: %v", reported, seen.rules())
		}
	}
}

// Where a route has no object, a 404 is a path without a route, and a 403 is
// not counted.
func TestPathsOfRoutes(t *testing.T) {
	for _, test := range []struct {
		route  string
		status int
		want   []detect.Rule
	}{
		{"", 404, []detect.Rule{detect.Probing}},
		{"GET /", 404, []detect.Rule{detect.Probing}},
		{"GET /files/{path...}", 404, []detect.Rule{detect.Probing}},
		{"GET /files/{id}", 404, []detect.Rule{detect.Enumeration}},
		{"GET /files/{id}", 403, []detect.Rule{detect.Enumeration}},
		{"GET /files/{id}", 410, nil},
		{"", 403, nil},
		{"GET /", 403, nil},
	} {
		var seen anomalies
		d := made(t, detect.Config{OnAnomaly: seen.add})
		for i := range 12 {
			d.Record(t.Context(), bulwark.Event{Name: bulwark.AuthzFail, Status: test.status, Route: test.route, Path: fmt.Sprint("/files/x", i), ClientIP: netip.MustParseAddr("192.0.2.1")})
		}
		if got := seen.rules(); !slices.Equal(got, test.want) {
			t.Errorf("%q, %d: %v", test.route, test.status, got)
		}
	}
}

// A nil and a zero Detector see nothing, and do not panic.
func TestUnmade(t *testing.T) {
	for _, d := range []*detect.Detector{nil, new(detect.Detector)} {
		d.Record(t.Context(), failure(d, "192.0.2.1", "alice"))
		d.Answered(t.Context(), audit.Answer{Event: nowhere("192.0.2.1", "/")})
		d.Watch(nil)
		if a := d.Account("alice"); a.Key != "" {
			t.Errorf("%v", a)
		}
	}
}
