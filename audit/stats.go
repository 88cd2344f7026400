package audit

import (
	"strings"
	"time"
)

// Stats counts all records since New, over all sinks.
type Stats struct {
	Security Counts      // of security events
	Access   Counts      // of access records
	Sinks    []SinkStats // of each sink, in the order of the Config
}

// SinkStats counts the records of one sink since New.
type SinkStats struct {
	Field     string    // of the Config, such as "Logger" or "Sinks[0]"
	Security  Counts    // of security events
	Access    Counts    // of access records
	Errors    uint64    // calls of Handle that failed, also of gap records
	LastWrite time.Time // the end of the last call that succeeded; zero before that

	SecurityQueue Queue // of security events
	AccessQueue   Queue // of access records
}

// A Queue is the state of the records that wait for one sink. A record may
// stand for many events.
type Queue struct {
	Records int // waiting
	Max     int // of the Config: how many can wait
}

// Counts are numbers of events. Each sink counts on its own: an event that goes
// to two sinks counts twice. A record that stands for a hundred events counts a
// hundred. The sum of the fields is everything that was recorded, with two
// exceptions: events that are counted until the current minute is over, and the
// record that is being written now. Gap records are not counted in any field.
type Counts struct {
	Written uint64 // the sink has taken it
	Full    uint64 // dropped: the queue was full
	Failed  uint64 // dropped: the sink returned an error, or did not return
	Closed  uint64 // dropped: it came after Shutdown
	Queued  uint64 // waiting
}

// Stats returns the counts of this moment.
func (m *Middleware) Stats() Stats {
	var s Stats
	if !m.made() {
		return s
	}
	for _, d := range m.deliveries {
		sink := d.stats()
		s.Security.add(&sink.Security)
		s.Access.add(&sink.Access)
		s.Sinks = append(s.Sinks, sink)
	}
	return s
}

// stats returns the counts of one sink.
func (d *delivery) stats() SinkStats {
	d.mu.Lock()
	defer d.mu.Unlock()
	return SinkStats{
		Field: strings.TrimPrefix(d.field, "audit.Config."), Security: d.counts[securityClass], Access: d.counts[accessClass],
		Errors: d.errors, LastWrite: d.written, SecurityQueue: d.queues[securityClass].state(), AccessQueue: d.queues[accessClass].state(),
	}
}

func (q *queue) state() Queue { return Queue{Records: q.size, Max: q.bound} }

func (c *Counts) add(other *Counts) {
	c.Written += other.Written
	c.Full += other.Full
	c.Failed += other.Failed
	c.Closed += other.Closed
	c.Queued += other.Queued
}
