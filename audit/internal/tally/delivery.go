package tally

import (
	"slices"
	"time"

	"github.com/bulwark-go/bulwark/audit"
)

// maxLayers bounds the audit layers whose state is read.
const maxLayers = 16

var (
	classes = []string{"security", "access"}
	causes  = []string{"queue_full", "sink_failed", "closed"}
)

// describeDelivery describes what the audit layers know of their sinks.
func (t *Tally) describeDelivery() {
	t.sinks = newList(sinks()...)
	class := Label{"class", "bulwark.audit.class", newList(classes...)}
	sink := Label{"sink", "bulwark.audit.sink", t.sinks}
	reason := Label{"reason", "error.type", newList(causes...)}
	t.written = t.describe(false, "audit_events_written_total", "bulwark.audit.events.written", "{event}",
		"Events and access records that a sink has taken.", class)
	t.dropped = t.describe(false, "audit_events_dropped_total", "bulwark.audit.events.dropped", "{event}",
		"Events and access records that a sink has not received.", class, reason)
	t.sinkErrors = t.describe(false, "audit_sink_errors_total", "bulwark.audit.sink.errors", "{error}",
		"Calls of a sink that failed.", sink)
	t.queued = t.describe(true, "audit_queue_records", "bulwark.audit.queue.size", "{record}",
		"Records that wait for a sink.", sink, class)
	t.capacity = t.describe(true, "audit_queue_capacity_records", "bulwark.audit.queue.capacity", "{record}",
		"Records that can wait for a sink. Half of the security queue is for events of level ERROR.", sink, class)
	t.lastWrite = t.describe(true, "audit_last_write_timestamp_seconds", "bulwark.audit.last_write", "s",
		"When a sink has last taken a record, in seconds since 1970; 0 before that.", sink)
}

// describe adds a metric that is read from elsewhere.
func (t *Tally) describe(gauge bool, name, instrument, unit, help string, labels ...Label) *Metric {
	m := &Metric{Name: name, Instrument: instrument, Unit: unit, Help: help, Gauge: gauge, Labels: labels}
	t.metrics = append(t.metrics, m)
	return m
}

// Watch keeps an audit layer, to read its state later.
func (t *Tally) Watch(m *audit.Middleware) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if len(t.layers) < maxLayers && !slices.Contains(t.layers, m) {
		t.layers = append(t.layers, m)
	}
}

// A sinkState is the state of all sinks of one name.
type sinkState struct {
	seen             bool
	errors           uint64
	queued, capacity [2]int
	lastWrite        time.Time
}

// readDelivery reads the state of the sinks. Several audit layers are added up:
// the sinks of the same field of their Configs are one series.
func (t *Tally) readDelivery(f Reader) {
	t.mu.Lock()
	layers := slices.Clone(t.layers)
	t.mu.Unlock()
	var total [2]audit.Counts
	states := make([]sinkState, len(t.sinks.values))
	for _, m := range layers {
		stats := m.Stats()
		total[0], total[1] = sum(total[0], stats.Security), sum(total[1], stats.Access)
		for _, sink := range stats.Sinks {
			state := &states[t.sinks.find(sink.Field)]
			state.seen = true
			state.errors += sink.Errors
			for i, queue := range [2]audit.Queue{sink.SecurityQueue, sink.AccessQueue} {
				state.queued[i] += queue.Records
				state.capacity[i] += queue.Max
			}
			if sink.LastWrite.After(state.lastWrite) {
				state.lastWrite = sink.LastWrite
			}
		}
	}
	for i, class := range classes {
		f(t.written, float64(total[i].Written), class)
		for j, n := range [...]uint64{total[i].Full, total[i].Failed, total[i].Closed} {
			f(t.dropped, float64(n), class, causes[j])
		}
	}
	for at, state := range states {
		if !state.seen {
			continue
		}
		name := t.sinks.values[at]
		f(t.sinkErrors, float64(state.errors), name)
		f(t.lastWrite, seconds(state.lastWrite), name)
		for i, class := range classes {
			f(t.queued, float64(state.queued[i]), name, class)
			f(t.capacity, float64(state.capacity[i]), name, class)
		}
	}
}

func sum(a, b audit.Counts) audit.Counts {
	return audit.Counts{Written: a.Written + b.Written, Full: a.Full + b.Full, Failed: a.Failed + b.Failed, Closed: a.Closed + b.Closed, Queued: a.Queued + b.Queued}
}

// seconds is a time as Prometheus writes it; the zero time is 0.
func seconds(at time.Time) float64 {
	if at.IsZero() {
		return 0
	}
	return float64(at.UnixMilli()) / 1e3
}
