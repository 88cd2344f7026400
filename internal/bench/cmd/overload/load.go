package main

import (
	"context"
	"encoding/json"
	"io"
	"math/rand/v2"
	"net/http"
	"slices"
	"sync"
	"time"
)

// pair is one load on the server, without and with the limit.
type pair struct {
	load          float64
	without, with *outcome
}

// outcome is what the clients of one run saw, after the warm-up.
type outcome struct {
	summary
	span    time.Duration
	latency []time.Duration // of all that were not shed; patience for those that gave up
	refused []time.Duration // until a 503
}

type summary struct {
	Sent, Good, Shed, GaveUp, Other int
	Healthy, Unhealthy              int
	Goroutines                      int    // of the server, the most
	Bytes                           uint64 // of the server, the most
}

// measure sends load times the capacity to a new server.
func measure(ctx context.Context, load float64, limited bool, span time.Duration) (*outcome, error) {
	url, stop, err := startServer(ctx, limited)
	if err != nil {
		return nil, err
	}
	defer stop()
	g := &generator{url: url, client: &http.Client{Transport: &http.Transport{MaxIdleConnsPerHost: 1000}}, outcome: outcome{span: span}}
	defer g.client.CloseIdleConnections()
	var wg sync.WaitGroup
	begin := time.Now()
	done := make(chan struct{})
	wg.Go(func() {
		tick := time.NewTicker(100 * time.Millisecond)
		defer tick.Stop()
		for {
			select {
			case <-done:
				return
			case <-tick.C:
				wg.Go(func() { g.check(ctx, time.Since(begin) > warmUp) })
			}
		}
	})
	arrivals := rand.New(rand.NewPCG(12, uint64(load*2)))
	for at := begin; at.Sub(begin) < warmUp+span && ctx.Err() == nil; at = at.Add(time.Duration(arrivals.ExpFloat64() / (load * capacity) * float64(time.Second))) {
		time.Sleep(time.Until(at))
		wg.Go(func() { g.work(ctx, at.Sub(begin) > warmUp) })
	}
	close(done)
	wg.Wait()
	slices.Sort(g.latency)
	slices.Sort(g.refused)
	return &g.outcome, ctx.Err()
}

// A generator is all clients.
type generator struct {
	url    string
	client *http.Client

	mu sync.Mutex
	outcome
}

// get asks for a path, and returns the status, or 0 if the client gave up.
func (g *generator) get(ctx context.Context, path string) (status int, body []byte, took time.Duration) {
	begin := time.Now()
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	r, err := http.NewRequestWithContext(ctx, "GET", g.url+path, nil)
	if err != nil {
		return 0, nil, 0
	}
	res, err := g.client.Do(r)
	if err != nil {
		return 0, nil, time.Since(begin)
	}
	defer res.Body.Close()
	if body, err = io.ReadAll(res.Body); err != nil {
		return 0, nil, time.Since(begin)
	}
	return res.StatusCode, body, time.Since(begin)
}

func (g *generator) work(ctx context.Context, counted bool) {
	status, _, took := g.get(ctx, "/work")
	g.mu.Lock()
	defer g.mu.Unlock()
	if !counted {
		return
	}
	g.Sent++
	switch {
	case status == http.StatusOK:
		g.Good++
		g.latency = append(g.latency, took)
	case status == http.StatusServiceUnavailable:
		g.Shed++
		g.refused = append(g.refused, took)
	case status == 0 && took >= patience:
		g.GaveUp++
		g.latency = append(g.latency, patience)
	default:
		g.Other++
	}
}

func (g *generator) check(ctx context.Context, counted bool) {
	status, body, _ := g.get(ctx, "/health")
	var s state
	ok := status == http.StatusOK && json.Unmarshal(body, &s) == nil
	g.mu.Lock()
	defer g.mu.Unlock()
	g.Goroutines, g.Bytes = max(g.Goroutines, s.Goroutines), max(g.Bytes, s.Bytes)
	switch {
	case !counted:
	case ok:
		g.Healthy++
	default:
		g.Unhealthy++
	}
}

// goodput is the answers in time, as a part of what the server can do.
func (o *outcome) goodput() float64 { return float64(o.Good) / (capacity * o.span.Seconds()) }

// percentile is one of sorted times, in service times.
func percentile(sorted []time.Duration, p int) float64 {
	if len(sorted) == 0 {
		return 0
	}
	return float64(sorted[(len(sorted)-1)*p/100]) / float64(serviceTime)
}
