package ratelimit

import (
	"log/slog"
	"net/http"
	"sync/atomic"

	"github.com/bulwark-go/bulwark"
)

// unseen tells once of each way in which a limit on failures did not see an
// answer: more would be noise, and none would leave a limit that counts every
// login unexplained.
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
	return "nothing was written when the handler returned; another framework may write later, or elsewhere"
}

// tell reports the first of its kind, and that the request counts.
func (u *unseen) tell(r *http.Request, limit string, why blindness) (counts bool) {
	if u.told[why].Load() || u.told[why].Swap(true) {
		return true
	}
	e := bulwark.Event{Name: bulwark.SysMonitorDisabled, Reason: "ratelimit.unseen", Rule: limit}
	if why != nothingWritten {
		e.Level = slog.LevelInfo // it is what a handler, or a client, may do
	}
	e.Attrs[0] = slog.String("cause", why.String())
	bulwark.Report(r, e)
	return true
}
