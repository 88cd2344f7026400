package main

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"sync"
	"time"
)

// A watcher reads the logs of the processes, as an operator would, and
// remembers when the limits of a process were whole again.
type watcher struct {
	mu   sync.Mutex
	last map[int]time.Time // by process
}

func newWatcher() *watcher { return &watcher{last: map[int]time.Time{}} }

func (w *watcher) line(process int, line []byte) {
	var record struct {
		Event  string `json:"event"`
		Reason string `json:"reason"`
	}
	if json.Unmarshal(line, &record) != nil || record.Event != recoveredEvent || record.Reason != recoveredReason {
		return
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	w.last[process] = time.Now()
}

// recovered waits until the process has said, after the given time, that its
// limits are whole again.
func (w *watcher) recovered(ctx context.Context, process int, after time.Time) error {
	err := until(ctx, func() bool {
		w.mu.Lock()
		defer w.mu.Unlock()
		return w.last[process].After(after)
	})
	if err != nil {
		return fmt.Errorf("process %d did not say that its limits are whole again: %w", process, err)
	}
	return nil
}

// quiet leaves the security events out of a log. In the drill they come by the
// hundred, and are meant.
type quiet struct{ to io.Writer }

func (q quiet) Write(line []byte) (int, error) {
	if bytes.Contains(line, []byte(`"type":"security"`)) {
		return len(line), nil
	}
	return q.to.Write(line)
}

// The event at the end of an outage of the limits.
const (
	recoveredEvent  = "sys_monitor_enabled"
	recoveredReason = "redisstore.recovered"
)
