package headers

import (
	"net/http"
	"strings"
)

// ClearSiteData asks the browser to remove the data that it keeps for the
// origin of the answer (Clear Site Data, 3.1). Call it in the handler of a
// logout, before the header is written:
//
//	headers.ClearSiteData(w)
//
// The kinds are "cache", "cookies", "storage", "executionContexts",
// "clientHints", "prefetchCache" and "prerenderCache". Without kinds it removes
// cache, cookies and storage. Any other kind removes everything. Cookies are
// removed for the whole registrable domain, which includes other subdomains.
// Browsers obey the header over TLS only.
func ClearSiteData(w http.ResponseWriter, kinds ...string) {
	if len(kinds) == 0 {
		kinds = []string{"cache", "cookies", "storage"}
	}
	quoted := make([]string, 0, len(kinds))
	for _, kind := range kinds {
		switch kind {
		case "cache", "cookies", "storage", "executionContexts", "clientHints", "prefetchCache", "prerenderCache":
			quoted = append(quoted, `"`+kind+`"`)
		default:
			w.Header()["Clear-Site-Data"] = []string{`"*"`}
			return
		}
	}
	w.Header()["Clear-Site-Data"] = []string{strings.Join(quoted, ", ")}
}
