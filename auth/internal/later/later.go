// Package later keeps what an authenticator does when the handler of a request
// has returned: only then it is known which handler that was.
package later

import (
	"context"
	"net/http"

	"github.com/bulwark-go/bulwark"
)

// pending is the work that is to be done.
var pending bulwark.Slot[func(context.Context)]

// Do keeps the work for the end of the request. It replaces earlier work.
func Do(r *http.Request, work func(context.Context)) {
	_, scope := bulwark.Enter(r)
	pending.Set(scope, work)
}

// Drop takes the work back.
func Drop(r *http.Request) { Do(r, nil) }

// Run does the work of the request, once. The client may have left, so the
// context of the work does not end with the request.
func Run(scope *bulwark.Scope) {
	work, _ := pending.Get(scope)
	if work == nil {
		return
	}
	pending.Set(scope, nil)
	work(context.WithoutCancel(scope))
}
