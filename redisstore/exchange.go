package redisstore

import (
	"context"
	"crypto/sha1"
	_ "embed"
	"encoding/hex"
	"fmt"
	"strings"
	"time"
)

//go:embed debit.lua
var debitSource string

//go:embed refund.lua
var refundSource string

var (
	debitScript  = newScript(debitSource)
	refundScript = newScript(refundSource)
)

// A script is one that Redis executes by its hash.
type script struct{ source, hash string }

func newScript(source string) script {
	sum := sha1.Sum([]byte(source)) // the name that EVALSHA wants, no protection
	return script{source, hex.EncodeToString(sum[:])}
}

// ask sends a request, unless the breaker is open, and returns the answer.
func (l *Limits) ask(ctx context.Context, r *request, s script) (string, *failure) {
	ok, probe := l.breaker.enter(time.Now())
	if !ok {
		return "", &failure{cause: causeOpen, down: true}
	}
	answer, fail := l.exchange(ctx, r, s)
	t := l.breaker.leave(time.Now(), probe, fail == nil || !fail.down && fail.cause != causeCaller, fail != nil && fail.down)
	if t.opened || t.closed {
		l.reportTurn(ctx, t, fail)
	}
	return answer, fail
}

// exchange sends a request and waits no longer than the Timeout, even if the
// Client does not return.
func (l *Limits) exchange(ctx context.Context, r *request, s script) (string, *failure) {
	call, cancel := context.WithTimeout(ctx, l.timeout)
	defer cancel()
	select {
	case l.slots <- struct{}{}:
	default:
		select {
		case l.slots <- struct{}{}:
		case <-call.Done():
			return "", callFailure(ctx, call, call.Err())
		}
	}
	r.call, r.execute = call, s
	go r.send()
	select {
	case <-r.done:
	case <-call.Done():
		select {
		case <-r.done: // both at once: there is an answer
		default:
			r.kept = true
			return "", callFailure(ctx, call, call.Err())
		}
	}
	if r.err != nil {
		r.kept = true
		return "", callFailure(ctx, call, r.err)
	}
	if len(r.replies) != 1 {
		return "", &failure{cause: causeReply}
	}
	if err, ok := r.replies[0].(error); ok {
		return "", replyFailure(err)
	}
	answer, isText := r.replies[0].(string)
	_, isNumber := r.replies[0].(int64) // of DEL, which is not a script
	if isScript := s.hash != ""; isScript && !isText || !isScript && !isNumber {
		return "", &failure{cause: causeReply}
	}
	return answer, nil
}

// send sends a request. A script that Redis does not have is sent with its
// source: that is the only case in which a command is sent twice, because
// Redis has not executed it.
func (l *Limits) send(r *request) {
	defer func() {
		if p := recover(); p != nil {
			r.replies, r.err = nil, fmt.Errorf("the Client panics: %v", p)
		}
		<-l.slots
		r.done <- struct{}{}
	}()
	s := r.execute
	if s.hash != "" {
		r.command[1] = s.hash
	}
	r.replies, r.err = l.client.Do(r.call, r.slot, r.commands[:]...)
	if r.err == nil && s.hash != "" && lacksScript(r.replies) {
		r.command[0], r.command[1] = "EVAL", s.source
		r.replies, r.err = l.client.Do(r.call, r.slot, r.commands[:]...)
	}
}

func lacksScript(replies []any) bool {
	if len(replies) != 1 {
		return false
	}
	err, ok := replies[0].(error)
	return ok && strings.HasPrefix(strings.TrimPrefix(err.Error(), "-"), "NOSCRIPT")
}
