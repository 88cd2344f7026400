package audit

// Stats says what has become of everything that was recorded, over all sinks
// since New.
type Stats struct {
	Security Counts // of security events
	Access   Counts // of access records
}

// Counts are occurrences, once for each sink: a record that stands for a
// hundred events counts a hundred. Together they are all that was recorded, but
// for what waits to be counted within the current minute and what is being
// written just now. Gap records are in none of them.
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
