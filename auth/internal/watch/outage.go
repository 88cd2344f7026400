package watch

import (
	"sync"
	"time"
)

// fold is how often the streams that an outage ends are reported.
const fold = time.Minute

// An outage counts the streams that ended without an answer: all names lose
// their streams at about the same time.
type outage struct {
	mu      sync.Mutex
	running bool // a timer reports what is pending
	pending End
}

// lose reports the end of streams without an answer, now or with later ones.
func (w *Watch) lose(e End) {
	o := &w.lost
	o.mu.Lock()
	if o.running {
		e.Streams += o.pending.Streams
		o.pending = e
		o.mu.Unlock()
		return
	}
	o.running = true
	time.AfterFunc(fold, w.unfold)
	o.mu.Unlock()
	w.tell(e)
}

// unfold reports what is pending.
func (w *Watch) unfold() {
	o := &w.lost
	o.mu.Lock()
	e := o.pending
	o.pending = End{}
	if e.Streams == 0 {
		o.running = false
		o.mu.Unlock()
		return
	}
	time.AfterFunc(fold, w.unfold)
	o.mu.Unlock()
	w.tell(e)
}
