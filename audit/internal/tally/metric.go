package tally

import "sync/atomic"

// A Metric is the description of one metric. It is the same for Prometheus and
// OpenTelemetry, except for the names.
type Metric struct {
	Name       string // of Prometheus, such as "auth_failures_total"
	Instrument string // of OpenTelemetry, such as "bulwark.auth.failures"
	Unit       string // of OpenTelemetry, such as "{failure}" or "s"
	Help       string
	Gauge      bool // it may go down; otherwise it counts
	Labels     []Label
}

// A Label is one label of a [Metric], with its values.
type Label struct {
	Name      string // of Prometheus, such as "reason"
	Attribute string // of OpenTelemetry, such as "error.type"
	List      *List
}

// A counter counts by one label or by two. It is made with all its cells, and
// counting neither locks nor allocates.
type counter struct {
	*Metric
	cells []atomic.Uint64
}

func newCounter(m *Metric) *counter {
	size := 1
	for _, label := range m.Labels {
		size *= len(label.List.values)
	}
	return &counter{Metric: m, cells: make([]atomic.Uint64, size)}
}

// add counts n for the places of its labels. A place that the counter has no
// label for is 0.
func (c *counter) add(n uint64, first, second int) {
	if len(c.Labels) == 2 {
		first = first*len(c.Labels[1].List.values) + second
	}
	c.cells[first].Add(n)
}

// read calls f for each cell, also for those at 0.
func (c *counter) read(f Reader) {
	for i := range c.cells {
		n := float64(c.cells[i].Load())
		switch len(c.Labels) {
		case 0:
			f(c.Metric, n)
		case 1:
			f(c.Metric, n, c.Labels[0].List.values[i])
		default:
			seconds := c.Labels[1].List.values
			f(c.Metric, n, c.Labels[0].List.values[i/len(seconds)], seconds[i%len(seconds)])
		}
	}
}

// total is the sum of all cells.
func (c *counter) total() (n uint64) {
	for i := range c.cells {
		n += c.cells[i].Load()
	}
	return n
}

// A Reader receives one value of a metric. The labels are in the order of
// [Metric.Labels].
type Reader func(m *Metric, value float64, labels ...string)
