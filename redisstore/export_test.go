package redisstore

import (
	"strconv"
	"strings"
	"sync/atomic"
	"time"
)

// A SteppedLimits is a store whose clock a test sets: its scripts add an offset
// to the time of Redis.
type SteppedLimits struct {
	*Limits
	offset atomic.Int64
}

// Step lets a test set the clock of a store.
func Step(l *Limits) *SteppedLimits {
	s := &SteppedLimits{Limits: l}
	l.clock = func() string { return strconv.FormatInt(s.offset.Load(), 10) }
	l.debit, l.refund = stepping(l.debit), stepping(l.refund)
	return s
}

func (s *SteppedLimits) StepClock(d time.Duration) { s.offset.Add(d.Microseconds()) }

// Follow sets the clock of s as that of another store.
func (s *SteppedLimits) Follow(other *SteppedLimits) { s.offset.Store(other.offset.Load()) }

func stepping(s script) script {
	const line = "local now = time[1] * 1000000 + time[2]\n"
	if strings.Count(s.source, line) != 1 {
		panic("the script reads the clock in another way")
	}
	return newScript(strings.Replace(s.source, line, line[:len(line)-1]+" + tonumber(ARGV[#ARGV])\n", 1))
}

// MaxInFlight is how many calls wait for Redis at once.
const MaxInFlight = maxInFlight

// Cause is the cause of a failure, and whether it moves the breaker.
func Cause(reply error) (cause string, down bool) {
	f := replyFailure(reply)
	return f.cause, f.down
}
