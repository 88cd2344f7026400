package audit

// Stats counts all records since New, over all sinks.
type Stats struct {
	Security Counts // of security events
	Access   Counts // of access records
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
		d.mu.Lock()
		s.Security.add(&d.counts[securityClass])
		s.Access.add(&d.counts[accessClass])
		d.mu.Unlock()
	}
	return s
}

func (c *Counts) add(other *Counts) {
	c.Written += other.Written
	c.Full += other.Full
	c.Failed += other.Failed
	c.Closed += other.Closed
	c.Queued += other.Queued
}
