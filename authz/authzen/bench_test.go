package authzen_test

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"testing"

	"github.com/bulwark-go/bulwark/authz"
	"github.com/bulwark-go/bulwark/authz/authzen"
	"github.com/bulwark-go/bulwark/internal/race"
)

// One decision over loopback costs few allocations beside those of net/http.
func TestAllocations(t *testing.T) {
	if race.Enabled {
		t.Skip("the race detector allocates")
	}
	c := client(t, authzen.Config{URL: "https://pdp.example", Transport: answering(200, allow)})
	got := testing.AllocsPerRun(100, func() { c.Decide(context.Background(), query("1")) })
	if got > 70 {
		t.Errorf("%v allocations for a decision without a network", got)
	}
	agreeing := &authzen.Shadow{Engine: constant(true)}
	if got := testing.AllocsPerRun(100, func() { agreeing.Decide(context.Background(), query("1")) }); got > 6 {
		t.Errorf("%v allocations for a shadow without a candidate", got)
	}
}

func BenchmarkDecide(b *testing.B) {
	c := client(b, authzen.Config{URL: serve(b, says(allow)).URL, Secret: secret})
	q := query("1")
	b.ReportAllocs()
	for b.Loop() {
		if d, err := c.Decide(context.Background(), q); !d.Allowed || err != nil {
			b.Fatal(d, err)
		}
	}
}

// BenchmarkFloor is the same exchange by net/http and encoding/json alone.
func BenchmarkFloor(b *testing.B) {
	server := serve(b, says(allow))
	b.ReportAllocs()
	for b.Loop() {
		question, err := json.Marshal(authzen.Evaluation{Subject: authzen.Entity{Type: "user", ID: alice.Key()}, Action: authzen.Action{Name: "read"}})
		if err != nil {
			b.Fatal(err)
		}
		w, err := http.Post(server.URL, "application/json", bytes.NewReader(question))
		if err != nil {
			b.Fatal(err)
		}
		var d struct{ Decision bool }
		if err := json.NewDecoder(w.Body).Decode(&d); err != nil || !d.Decision {
			b.Fatal(err)
		}
		w.Body.Close()
	}
}

func BenchmarkDecideParallel(b *testing.B) {
	c := client(b, authzen.Config{URL: serve(b, says(allow)).URL})
	b.ReportAllocs()
	b.RunParallel(func(p *testing.PB) {
		for p.Next() {
			if d, err := c.Decide(context.Background(), query("1")); !d.Allowed || err != nil {
				b.Error(d, err)
			}
		}
	})
}

func BenchmarkDecideAll(b *testing.B) {
	var ids []string
	for i := range 50 {
		ids = append(ids, fmt.Sprint(2*i))
	}
	c := client(b, authzen.Config{URL: serve(b, http.HandlerFunc(evens)).URL})
	queries := reads(ids...)
	b.ReportAllocs()
	for b.Loop() {
		if d, err := c.DecideAll(context.Background(), queries); len(d) != 50 || err != nil {
			b.Fatal(d, err)
		}
	}
}

// While the breaker is open, a refusal costs next to nothing.
func BenchmarkBreakerOpen(b *testing.B) {
	c := client(b, authzen.Config{URL: "https://pdp.example", Transport: answering(500, ""), Breaker: authzen.Breaker{Failures: 1, Pause: 30e9}})
	q := query("1")
	c.Decide(context.Background(), q)
	b.ReportAllocs()
	for b.Loop() {
		if d, err := c.Decide(context.Background(), q); d.Allowed || err == nil {
			b.Fatal(d, err)
		}
	}
}

var _ authz.BatchEngine = (*authzen.Shadow)(nil)
