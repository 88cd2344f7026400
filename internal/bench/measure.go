package bench

import (
	"fmt"
	"math"
	"runtime"
	"slices"
	"time"

	"golang.org/x/sys/unix"
)

// A Case is one thing to measure.
type Case struct {
	Name string
	Base string // the case that it is measured on top of, if there is one
	// Locked binds the calls to one thread, whose own CPU time is then known.
	// It makes whoever works with goroutines slower.
	Locked bool
	Open   func() (Run, error)
}

// A Run is an opened Case.
type Run struct {
	Do     func()  // once per iteration
	Settle func()  // waits for what Do has left to others; may be nil
	Close  func()  // may be nil
	Driver *Driver // what Do drives, if it is one
}

// A Cost is what one iteration needs.
type Cost struct {
	CPU    time.Duration // of all threads, with the garbage collector and goroutines in the background
	Path   time.Duration // CPU time of the calling thread alone, where the case is locked to it
	Wall   time.Duration
	Allocs int64 // rounded down, as package testing does: a fraction belongs to the set-up or to others
	Bytes  int64
}

// A sample is the cost of one iteration on the average of one round, in
// nanoseconds.
type sample struct{ cpu, path, wall, allocs, bytes float64 }

// beyond is s without base.
func (s sample) beyond(base sample) sample {
	return sample{s.cpu - base.cpu, s.path - base.path, s.wall - base.wall, math.Floor(s.allocs) - math.Floor(base.allocs), s.bytes - base.bytes}
}

// Samples are those of one case, a round each.
type Samples []sample

// Cost returns the medians.
func (s Samples) Cost() Cost {
	of := func(field func(sample) float64) float64 {
		values := make([]float64, len(s))
		for i := range s {
			values[i] = field(s[i])
		}
		return median(values)
	}
	return Cost{
		CPU:    time.Duration(of(func(x sample) float64 { return x.cpu })),
		Path:   time.Duration(of(func(x sample) float64 { return x.path })),
		Wall:   time.Duration(of(func(x sample) float64 { return x.wall })),
		Allocs: int64(math.Floor(of(func(x sample) float64 { return x.allocs }))),
		Bytes:  int64(of(func(x sample) float64 { return x.bytes })),
	}
}

// beyond returns each round of s without the same round of base.
func (s Samples) beyond(base Samples) Samples {
	net := make(Samples, len(s))
	for i := range s {
		net[i] = s[i].beyond(base[i])
	}
	return net
}

// over returns the median of the ratios of the rounds of s to those of other.
// What stands side by side was measured at nearly the same time.
func (s Samples) over(other Samples, field func(sample) float64) float64 {
	ratios := make([]float64, len(s))
	for i := range s {
		ratios[i] = field(s[i]) / max(field(other[i]), 1)
	}
	return median(ratios)
}

func cpuOf(s sample) float64  { return s.cpu }
func pathOf(s sample) float64 { return s.path }

// A Runner measures one Case in rounds. It is for one goroutine, and no other
// Runner may run at the same time.
type Runner struct {
	Case   Case
	run    Run
	n      int
	rounds Samples
}

// NewRunner prepares c and finds out how often it fits into the time of a
// round.
func NewRunner(c Case, span time.Duration) (*Runner, error) {
	run, err := c.Open()
	if err != nil {
		return nil, fmt.Errorf("%s: %w", c.Name, err)
	}
	r := &Runner{Case: c, run: run, n: 1}
	for {
		// The best of three, so that a pause of the machine does not pass for a
		// slow case.
		best := min(r.try(), r.try(), r.try())
		if best >= span/8 {
			r.n = max(1, int(float64(r.n)*float64(span)/float64(best)))
			return r, nil
		}
		r.n *= int(min(100, max(2, span/8/max(best, 1))))
	}
}

// try times the iterations, without what they leave to others.
func (r *Runner) try() time.Duration {
	begin := time.Now()
	for range r.n {
		r.run.Do()
	}
	took := time.Since(begin)
	r.settle()
	return took
}

func (r *Runner) settle() {
	if r.run.Settle != nil {
		r.run.Settle()
	}
}

func (r *Runner) repeat() {
	for range r.n {
		r.run.Do()
	}
	r.settle()
}

// Round measures once. The garbage of others is collected before.
func (r *Runner) Round() {
	if r.Case.Locked {
		runtime.LockOSThread()
		defer runtime.UnlockOSThread()
	}
	var before, after runtime.MemStats
	runtime.GC()
	runtime.ReadMemStats(&before)
	cpu, path, wall := cpuTime(unix.CLOCK_PROCESS_CPUTIME_ID), cpuTime(unix.CLOCK_THREAD_CPUTIME_ID), time.Now()
	r.repeat()
	took, passed, used := time.Since(wall), cpuTime(unix.CLOCK_THREAD_CPUTIME_ID)-path, cpuTime(unix.CLOCK_PROCESS_CPUTIME_ID)-cpu
	runtime.ReadMemStats(&after)
	n := float64(r.n)
	r.rounds = append(r.rounds, sample{float64(used) / n, float64(passed) / n, float64(took) / n,
		float64(after.Mallocs-before.Mallocs) / n, float64(after.TotalAlloc-before.TotalAlloc) / n})
}

// Close ends what the case has opened.
func (r *Runner) Close() {
	if r.run.Close != nil {
		r.run.Close()
	}
}

// median returns the middle of values, or of the two in the middle their mean.
func median(values []float64) float64 {
	if len(values) == 0 {
		return math.NaN()
	}
	slices.Sort(values)
	return (values[(len(values)-1)/2] + values[len(values)/2]) / 2
}

// cpuTime is what this process or thread has used of all processors. These
// clocks count nanoseconds, where getrusage may count ticks.
func cpuTime(clock int32) time.Duration {
	var t unix.Timespec
	if err := unix.ClockGettime(clock, &t); err != nil {
		return 0
	}
	return time.Duration(t.Nano())
}
