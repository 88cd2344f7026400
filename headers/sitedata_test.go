package headers_test

import (
	"net/http/httptest"
	"testing"

	"github.com/bulwark-go/bulwark/headers"
)

func TestClearSiteData(t *testing.T) {
	for _, test := range []struct {
		kinds []string
		want  string
	}{
		{nil, `"cache", "cookies", "storage"`},
		{[]string{"cookies"}, `"cookies"`},
		{[]string{"cookies", "executionContexts"}, `"cookies", "executionContexts"`},
		{[]string{"clientHints", "prefetchCache", "prerenderCache"}, `"clientHints", "prefetchCache", "prerenderCache"`},
		{[]string{"cookies", "cokies"}, `"*"`},
		{[]string{`x", "y`}, `"*"`},
	} {
		w := httptest.NewRecorder()
		headers.ClearSiteData(w, test.kinds...)
		if got := w.Header()["Clear-Site-Data"]; len(got) != 1 || got[0] != test.want {
			t.Errorf("%q is %q, want %q", test.kinds, got, test.want)
		}
	}
}
