package bulwarktest_test

import (
	"fmt"
	"net/http"
	"net/http/httptest"

	"github.com/bulwark-go/bulwark"
	"github.com/bulwark-go/bulwark/bulwarktest"
)

func ExampleRecorder() {
	refuse := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		bulwark.Deny(w, r, &bulwark.Problem{Status: http.StatusForbidden, Code: "shop.closed", Log: bulwark.ProblemLog{Event: bulwark.AuthzFail}})
	})
	var events bulwarktest.Recorder
	w := httptest.NewRecorder()
	events.Wrap(refuse).ServeHTTP(w, httptest.NewRequest("GET", "/cart", nil))
	for _, e := range events.Take() {
		fmt.Println(w.Code, e.Name, e.Reason, e.Path)
	}
	// Output:
	// 403 authz_fail shop.closed /cart
}
