package bulwarktest_test

import (
	"fmt"
	"net/http"
	"net/http/httptest"

	"github.com/bulwark-go/bulwark"
	"github.com/bulwark-go/bulwark/bulwarktest"
)

// deleteDocument is a handler of the service under test.
func deleteDocument(w http.ResponseWriter, r *http.Request) {
	caller, _ := bulwark.PrincipalFrom(r.Context())
	if caller == nil || caller.Subject != "alice" {
		bulwark.Deny(w, r, &bulwark.Problem{Status: http.StatusForbidden, Code: "documents.not_owner"})
		return
	}
	w.WriteHeader(http.StatusNoContent)
}

// A table of callers, with the status and the events that each one causes.
func Example() {
	var events bulwarktest.Recorder
	service := events.Wrap(http.HandlerFunc(deleteDocument))
	for _, test := range []struct {
		subject string
		status  int
		reasons []string // of the events
	}{
		{"alice", 204, nil},
		{"mallory", 403, []string{"documents.not_owner"}},
	} {
		r := httptest.NewRequest("DELETE", "/documents/7", nil)
		caller := &bulwark.Principal{Issuer: "test", Subject: test.subject}
		r = r.WithContext(bulwark.WithPrincipal(r.Context(), caller))
		w := httptest.NewRecorder()
		service.ServeHTTP(w, r)

		var reasons []string
		for _, e := range events.Take() {
			reasons = append(reasons, e.Reason)
		}
		fmt.Println(test.subject, w.Code, reasons)
		if w.Code != test.status || fmt.Sprint(reasons) != fmt.Sprint(test.reasons) {
			fmt.Println("FAIL") // t.Errorf in a test
		}
	}
	// Output:
	// alice 204 []
	// mallory 403 [documents.not_owner]
}

// The fields of an event say who was refused, and why.
func ExampleRecorder() {
	var events bulwarktest.Recorder
	service := events.Wrap(http.HandlerFunc(deleteDocument))
	service.ServeHTTP(httptest.NewRecorder(), httptest.NewRequest("DELETE", "/documents/7", nil))
	for _, e := range events.Take() {
		fmt.Println(e.Name, e.Status, e.Reason)
		fmt.Printf("%q %s %s %s\n", e.UserID, e.ClientIP, e.Method, e.Path)
	}
	// Output:
	// authz_fail 403 documents.not_owner
	// "" 192.0.2.1 DELETE /documents/7
}

// In a chain without package audit, the Recorder is the first part.
func ExampleRecorder_chain() {
	var events bulwarktest.Recorder
	stack := bulwark.Must(bulwark.Chain(&events, bulwark.Edge{Hosts: []string{"api.example.com"}}))
	service := stack.Wrap(http.HandlerFunc(deleteDocument))
	r := httptest.NewRequest("DELETE", "https://other.example.com/documents/7", nil)
	service.ServeHTTP(httptest.NewRecorder(), r)
	for _, e := range events.Events() {
		fmt.Println(e.Status, e.Reason)
	}
	// Output:
	// 421 edge.misdirected
}
