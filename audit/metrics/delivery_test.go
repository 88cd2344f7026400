package metrics_test

import (
	"bytes"
	"context"
	"crypto/ed25519"
	"errors"
	"io"
	"log/slog"
	"testing"
	"testing/synctest"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/bulwark-go/bulwark"
	"github.com/bulwark-go/bulwark/audit"
	"github.com/bulwark-go/bulwark/audit/metrics"
	"github.com/bulwark-go/bulwark/audit/trail"
)

// A sink passes records to a function.
type sink struct {
	slog.Handler
	handle func() error
}

func (s sink) Handle(context.Context, slog.Record) error { return s.handle() }

func wants(t *testing.T, registry *prometheus.Registry, want map[string]float64) {
	t.Helper()
	all := series(t, registry)
	for name, value := range want {
		if got, there := all[name]; !there || got != value {
			t.Errorf("%s is %v (there: %v), want %v", name, got, there, value)
		}
	}
}

// The state of each sink is read at the scrape.
func TestSinks(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		release := make(chan struct{})
		collector, registry := made(t, metrics.Config{})
		m, err := audit.New(audit.Config{
			Sinks: []slog.Handler{
				sink{handle: func() error { return nil }},
				sink{handle: func() error { return errors.New("disk full") }},
				sink{handle: func() error { <-release; return nil }},
			},
			Observers: []bulwark.Recorder{collector}, MaxSecurityQueue: 16, MaxOneByOne: 1000,
		})
		if err != nil {
			t.Fatal(err)
		}
		wants(t, registry, map[string]float64{
			`audit_sink_errors_total{sink="Sinks[1]"}`: 0, `audit_last_write_timestamp_seconds{sink="Sinks[0]"}`: 0,
			`audit_queue_capacity_records{class="security",sink="Sinks[2]"}`: 16, `audit_queue_capacity_records{class="access",sink="Sinks[2]"}`: 1024,
		})
		time.Sleep(90 * time.Second)
		begin := time.Now()
		for range 20 {
			m.Record(t.Context(), bulwark.Event{Name: bulwark.AuthnLoginFail})
			synctest.Wait()
		}
		all := series(t, registry)
		wants(t, registry, map[string]float64{
			`audit_last_write_timestamp_seconds{sink="Sinks[0]"}`:            float64(begin.UnixMilli()) / 1e3,
			`audit_last_write_timestamp_seconds{sink="Sinks[1]"}`:            0,
			`audit_queue_records{class="security",sink="Sinks[0]"}`:          0,
			`audit_queue_records{class="security",sink="Sinks[2]"}`:          8, // half of 16, as the level is not ERROR
			`audit_events_dropped_total{class="access",reason="queue_full"}`: 0,
			`security_events_total{event="authn_login_fail"}`:                20,
		})
		stats := m.Stats()
		if all[`audit_sink_errors_total{sink="Sinks[1]"}`] == 0 || all[`audit_sink_errors_total{sink="Sinks[1]"}`] != float64(stats.Sinks[1].Errors) {
			t.Errorf("errors %v, the audit layer has %d", all[`audit_sink_errors_total{sink="Sinks[1]"}`], stats.Sinks[1].Errors)
		}
		for name, want := range map[string]uint64{
			`audit_events_written_total{class="security"}`:                      stats.Security.Written,
			`audit_events_dropped_total{class="security",reason="queue_full"}`:  stats.Security.Full,
			`audit_events_dropped_total{class="security",reason="sink_failed"}`: stats.Security.Failed,
		} {
			if want == 0 || all[name] != float64(want) {
				t.Errorf("%s is %v, the audit layer has %d", name, all[name], want)
			}
		}
		close(release)
		ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
		defer cancel()
		_ = m.Shutdown(ctx)
		m.Record(t.Context(), bulwark.Event{Name: bulwark.AuthnLoginFail, Count: 7})
		wants(t, registry, map[string]float64{`audit_events_dropped_total{class="security",reason="closed"}`: 21}) // of three sinks
	})
}

// Two audit layers are added up, and one that is watched twice counts once.
func TestSeveralAuditLayers(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		collector, registry := made(t, metrics.Config{})
		first, second := audited(t, collector), audited(t, collector)
		collector.Watch(second)
		for _, m := range []*audit.Middleware{first, second} {
			m.Record(t.Context(), bulwark.Event{Name: bulwark.AuthnLoginFail})
		}
		synctest.Wait()
		wants(t, registry, map[string]float64{
			`audit_events_written_total{class="security"}`:                   2,
			`audit_queue_capacity_records{class="security",sink="Sinks[0]"}`: 2048,
		})
		for range 40 {
			audited(t, collector)
		}
		wants(t, registry, map[string]float64{`audit_queue_capacity_records{class="security",sink="Sinks[0]"}`: 16 * 1024})
	})
}

func trailTo(t *testing.T, w io.Writer) *trail.Writer {
	t.Helper()
	key := ed25519.NewKeyFromSeed(bytes.Repeat([]byte{1}, ed25519.SeedSize))
	log, err := trail.New(w, trail.Config{Origin: "api.example.com/audit", Signer: key, MaxUnsigned: 4})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = log.Close() })
	return log
}

func TestTrail(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		log := trailTo(t, io.Discard)
		_, registry := made(t, metrics.Config{Trail: log})
		wants(t, registry, map[string]float64{"audit_trail_lines": 0, "audit_trail_unsigned_lines": 0, "audit_trail_last_checkpoint_timestamp_seconds": 0})
		write := func(lines int) {
			for range lines {
				if _, err := log.Write([]byte("{}\n")); err != nil {
					t.Fatal(err)
				}
			}
		}
		write(3)
		wants(t, registry, map[string]float64{"audit_trail_lines": 3, "audit_trail_unsigned_lines": 3, "audit_trail_last_checkpoint_timestamp_seconds": 0})
		write(1) // the fourth is signed
		at := float64(time.Now().UnixMilli()) / 1e3
		write(1)
		wants(t, registry, map[string]float64{"audit_trail_lines": 6, "audit_trail_unsigned_lines": 1, "audit_trail_last_checkpoint_timestamp_seconds": at})
	})
	_, registry := made(t, metrics.Config{})
	if _, there := series(t, registry)["audit_trail_lines"]; there {
		t.Error("there are lines without a trail")
	}
}
