package bench_test

import (
	"bytes"
	"net/http"
	"slices"
	"strings"
	"testing"

	"github.com/bulwark-go/bulwark/internal/bench"
)

// Everybody must do the same work: a benchmark of an error path would be fast.
func TestSubjectsAnswerAlike(t *testing.T) {
	for _, load := range bench.Workloads() {
		t.Run(strings.ReplaceAll(load.Name, " ", "_"), func(t *testing.T) {
			subjects, err := bench.Subjects(load)
			if err != nil {
				t.Fatal(err)
			}
			var first []byte
			for _, s := range subjects {
				defer s.Close()
				d := load.Driver(s.Serve, bench.Token())
				defer d.Close()
				for range 3 { // cold, warm, and whether a call spoils the next
					status, header, body := d.Answer()
					if status != load.Status {
						t.Fatalf("%s: status %d, want %d: %s", s.Name, status, load.Status, body)
					}
					if got := header.Get("Content-Type"); got != "application/json" {
						t.Errorf("%s: Content-Type %q", s.Name, got)
					}
					if first == nil {
						first = body
						t.Logf("%d bytes\n%s%v", len(body), body, header)
					}
					if !bytes.Equal(body, first) {
						t.Errorf("%s: another body\n got %s\nwant %s", s.Name, body, first)
					}
				}
			}
		})
	}
}

// Whoever is compared must defend: without, it would be fast for nothing.
func TestSubjectsRefuse(t *testing.T) {
	get, post := bench.Workloads()[0], bench.Workloads()[2]
	foreign, missing := get, get
	foreign.Path, missing.Path = "/documents/7", "/documents/none"
	unknown, long, broken := post, post, post
	unknown.Body = `{"title":"a","is_admin":true}`
	long.Body = `{"title":"` + strings.Repeat("a", 201) + `"}`
	broken.Body = `{"title":`
	good := bench.Token()
	forged := flip(good)
	for _, test := range []struct {
		name   string
		load   bench.Workload
		token  string
		status []int // one of them
	}{
		{"signature", get, forged, []int{401}},
		{"expired", get, bench.Expired(), []int{401}},
		{"audience", get, bench.Foreign(), []int{401}},
		{"garbage", get, "abc", []int{401}},
		{"post_signature", post, forged, []int{401}},
		{"anothers_document", foreign, good, []int{404}},
		{"no_document", missing, good, []int{404}},
		{"unknown_property", unknown, good, []int{422}},
		{"title_too_long", long, good, []int{422}},
		{"broken_body", broken, good, []int{400}},
	} {
		t.Run(test.name, func(t *testing.T) {
			subjects, err := bench.Subjects(get)
			if err != nil {
				t.Fatal(err)
			}
			for _, s := range subjects {
				defer s.Close()
				if s.Open {
					continue
				}
				d := test.load.Driver(s.Serve, test.token)
				defer d.Close()
				for range 2 {
					if status, _, body := d.Answer(); !slices.Contains(test.status, status) {
						t.Errorf("%s: status %d, want one of %v: %s", s.Name, status, test.status, body)
					}
				}
			}
		})
	}
}

// flip changes the signature of a token.
func flip(token string) string {
	at := strings.LastIndexByte(token, '.') + 1
	if token[at] == 'A' {
		return token[:at] + "B" + token[at+1:]
	}
	return token[:at] + "A" + token[at+1:]
}

// Whoever stands in the tables of tokens takes and refuses the same ones.
func TestTokenSubjectsRefuse(t *testing.T) {
	for i, a := range bench.Algorithms() {
		others := bench.Algorithms()
		for _, test := range []struct {
			name   string
			token  string
			status int
		}{
			{"good", a.Token(), 204},
			{"signature", flip(a.Token()), 401},
			{"expired", a.Expired(), 401},
			{"audience", a.Foreign(), 401},
			{"algorithm", others[(i+1)%len(others)].Token(), 401},
		} {
			t.Run(string(a)+"/"+test.name, func(t *testing.T) {
				ran := 0
				spy := http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { ran++; w.WriteHeader(http.StatusNoContent) })
				subjects, err := bench.TokenSubjects(a, spy)
				if err != nil {
					t.Fatal(err)
				}
				for _, s := range subjects {
					defer s.Close()
					d := bench.Workloads()[0].Driver(s.Serve, test.token)
					defer d.Close()
					for range 2 { // cold, and warm where there is a cache
						ran = 0
						status, _, body := d.Answer()
						if status != test.status || (ran == 1) != (status == http.StatusNoContent) || ran > 1 {
							t.Errorf("%s: status %d, want %d; the handler ran %d times: %s", s.Name, status, test.status, ran, body)
						}
					}
				}
			})
		}
	}
}

// The floor verifies as well.
func TestSignatureAlone(t *testing.T) {
	for _, a := range bench.Algorithms() {
		good := a.Token()
		for _, test := range []struct {
			name  string
			token string
			want  bool
		}{
			{"good", good, true},
			{"signature", flip(good), false},
			{"input", good[:strings.LastIndexByte(good, '.')-1] + good[strings.LastIndexByte(good, '.'):], false},
		} {
			t.Run(string(a)+"/"+test.name, func(t *testing.T) {
				verify, err := bench.SignatureAlone(a, test.token)
				if err != nil {
					t.Fatal(err)
				}
				for range 2 {
					if verify() != test.want {
						t.Errorf("verified: %t, want %t", !test.want, test.want)
					}
				}
			})
		}
	}
}

// Active content must not survive.
func TestSubjectsSanitize(t *testing.T) {
	load := bench.Workloads()[2]
	load.Body = `{"title":"<b>Minutes</b>","content":"<p onclick=\"alert(1)\">of <script>alert(2)</script>the meeting</p>"}`
	subjects, err := bench.Subjects(load)
	if err != nil {
		t.Fatal(err)
	}
	for _, s := range subjects {
		defer s.Close()
		d := load.Driver(s.Serve, bench.Token())
		defer d.Close()
		status, _, body := d.Answer()
		if s.Open {
			continue
		}
		if status != load.Status || bytes.Contains(body, []byte("alert")) || !bytes.Contains(body, []byte(`"title":"Minutes"`)) {
			t.Errorf("%s: status %d: %s", s.Name, status, body)
		}
	}
}

// The subjects that log must do so once for each request, and nothing may be
// dropped.
func TestAccessLogIsWritten(t *testing.T) {
	chain, err := bench.NewChain(true)
	if err != nil {
		t.Fatal(err)
	}
	d := bench.Workloads()[0].Driver(chain, bench.Token())
	defer d.Close()
	const requests = 1000
	for range requests {
		d.Do()
	}
	chain.Close()
	stats := chain.Audit.Stats()
	if stats.Access.Written != requests || stats.Access.Full+stats.Access.Failed+stats.Access.Closed+stats.Access.Queued > 0 {
		t.Errorf("%d requests left %+v", requests, stats.Access)
	}
}
