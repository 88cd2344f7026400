package ratelimit

import (
	"log/slog"
	"net/http"
	"sync/atomic"

	"github.com/bulwark-go/bulwark"
)

// unseen reports once each way in which a limit on failures did not see an
// answer. More events would be noise. Without any event nobody would know why
// the limit counts every login.
type unseen struct {
	told [3]atomic.Bool
}

// A blindness is why an answer was not seen.
type blindness int

const (
	nothingWritten blindness = iota
	takenOver
	clientGone
)

func (b blindness) String() string {
	switch b {
	case takenOver:
		return "the handler took the connection over"
	case clientGone:
		return "the client was gone before the handler returned"
	}
	return "nothing was written when the handler returned; another framework may write the answer later, or to its own writer"
}

// tell reports the first of its kind, and that the request counts.
func (u *unseen) tell(r *http.Request, limit string, why blindness) (counts bool) {
	if u.told[why].Load() || u.told[why].Swap(true) {
		return true
	}
	e := bulwark.Event{Name: bulwark.SysMonitorDisabled, Reason: "ratelimit.unseen", Rule: limit}
	if why != nothingWritten {
		e.Level = slog.LevelInfo // a handler, or a client, may do this
	}
	e.Attrs[0], e.Attrs[1] = slog.String("cause", why.String()), errorAttr(errUnseen)
	bulwark.Report(r, e)
	return true
}
