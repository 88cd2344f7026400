package audit

import (
	"log/slog"

	"github.com/bulwark-go/bulwark"
)

// entry is a record on its way to a sink: an event or an access record.
type entry struct {
	event   bulwark.Event
	access  accessed
	counted *counted // of a counted record
	source  uint64   // who has caused the event; 0 where that is nobody in particular
}

func (e *entry) class() class {
	if e.access.is {
		return accessClass
	}
	return securityClass
}

// class separates the queues.
type class int

const (
	securityClass class = iota
	accessClass
	classes
)

func (c class) String() string { return [...]string{"security", "access"}[c] }

// important reports whether an event may use the half of the security queue
// that is kept free. The level alone does not decide: an event for a failing
// handler is ERROR by default, and any client can cause many of them. A failure
// outside a request is not caused by a client. Important events are rare,
// because few events of a source are written one by one.
func important(e *bulwark.Event) bool {
	if e.Name == bulwark.SysUnavailable && e.RequestID != "" {
		return false
	}
	return levelOf(e) >= slog.LevelError
}

// slot is an entry in a queue. The path is copied into the slot, because it is
// a part of the request line, which may be a megabyte and would stay in memory
// as long as the path.
type slot struct {
	entry
	path [maxText]byte
	size int
}

// queue is a ring of slots, made on first use. It is not safe for concurrent
// use.
type queue struct {
	bound int
	slots []slot
	head  int
	size  int
	held  map[uint64]int // entries of each source
}

// crowded reports whether e must stay out: a quarter of the queue is taken, and
// half of that by the source of e. So a source that goes on minute after
// minute, while the sink hangs, leaves room for all others.
func (q *queue) crowded(e *entry) bool {
	return e.source != 0 && q.size >= q.bound/4 && q.held[e.source] >= q.bound/8
}

// put copies e behind the others. There must be room.
func (q *queue) put(e *entry) {
	if q.slots == nil {
		q.slots, q.held = make([]slot, q.bound), map[uint64]int{}
	}
	s := &q.slots[(q.head+q.size)%q.bound]
	s.entry = *e
	s.size = copy(s.path[:], e.event.Path)
	s.event.Path = ""
	q.size++
	if e.source != 0 {
		q.held[e.source]++
	}
}

// take moves the oldest entry into e. There must be one.
func (q *queue) take(e *entry) {
	s := &q.slots[q.head]
	*e = s.entry
	e.event.Path = string(s.path[:s.size])
	s.entry = entry{} // what it refers to may go
	q.head = (q.head + 1) % q.bound
	q.size--
	if e.source != 0 {
		decrease(q.held, e.source)
	}
}
