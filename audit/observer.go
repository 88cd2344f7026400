package audit

import (
	"context"
	"reflect"

	"github.com/bulwark-go/bulwark"
	"github.com/bulwark-go/bulwark/internal/fault"
)

// An AnswerObserver is an observer that also sees how each request ended. The
// events of a request tell only what was refused. The answers tell how many
// requests there were, and include the refusals without an event (see
// [bulwark.NoEvent]).
type AnswerObserver interface {
	bulwark.Recorder
	// Answered receives one answer, after the handler has returned or panicked.
	// It runs on the goroutine of the request. It must not block, must not keep
	// ctx, and must be safe for concurrent use. The parts of a batch are one
	// answer.
	Answered(ctx context.Context, a Answer)
}

// A Watcher is an observer that needs the Middleware it observes: to read its
// [Stats], or to report events of its own.
type Watcher interface {
	bulwark.Recorder
	// Watch receives the Middleware, once for each [New] that has the observer
	// in its Config. An event that the observer reports to m comes back to the
	// observer.
	Watch(m *Middleware)
}

// checkObserver reports an observer that is nil, or that has a method of an
// ability with another signature: nobody would call that method.
func checkObserver(i int, observer bulwark.Recorder, faults *fault.List) {
	if fault.IsNil(observer) {
		faults.AddAt("Observers", i, "", "is nil; remove it, or write a recorder")
		return
	}
	of := reflect.TypeOf(observer)
	if _, has := of.MethodByName("Answered"); has && !of.Implements(reflect.TypeFor[AnswerObserver]()) {
		faults.AddAt("Observers", i, of.String(), "has a method Answered of another signature; write Answered(context.Context, audit.Answer), or rename the method")
	}
	if _, has := of.MethodByName("Watch"); has && !of.Implements(reflect.TypeFor[Watcher]()) {
		faults.AddAt("Observers", i, of.String(), "has a method Watch of another signature; write Watch(*audit.Middleware), or rename the method")
	}
}

// watch introduces the observers that want to know more than events.
func (m *Middleware) watch() {
	for _, observer := range m.observers {
		if answers, ok := observer.(AnswerObserver); ok {
			m.answerObservers = append(m.answerObservers, answers)
		}
		if watcher, ok := observer.(Watcher); ok {
			watcher.Watch(m)
		}
	}
}

// observe keeps an observer that panics from taking the record, and the
// request, with it.
func observe(ctx context.Context, observer bulwark.Recorder, e bulwark.Event) {
	defer func() { _ = recover() }()
	observer.Record(ctx, e)
}

// answered tells the observers how a request ended. An observer that panics
// does not take the answer with it.
func answered(ctx context.Context, observer AnswerObserver, a Answer) {
	defer func() { _ = recover() }()
	observer.Answered(ctx, a)
}
