package audit_test

import (
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/bulwark-go/bulwark/audit"
)

func TestAccessRecord(t *testing.T) {
	out := newLog()
	m := build(t, audit.Config{Logger: slog.New(out), AccessLog: true,
		AccessQuery: []string{"limit", "sort[order]"}, AccessHeaders: []string{"user-agent", "X-Absent", "Accept"}})
	mux := http.NewServeMux()
	mux.Handle("GET /documents/{id}", as("alice", http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { io.WriteString(w, "hello") })))
	h := m.Wrap(mux)
	for _, test := range []struct {
		query, want string
	}{
		{"", ""},
		{"limit=50", "limit=50"},
		{"limit=50&access_token=hunter2", "limit=50&[redacted]"},
		{"access_token=hunter2&limit=50&hunter2", "limit=50&[redacted]"},
		{"hunter2", "[redacted]"},
		{"limit=1;access_token=hunter2", "[redacted]"},
		{"limit=50&limit;access_token=hunter2", "limit=50&[redacted]"},
		{"a;limit=hunter2&limit=2", "limit=2&[redacted]"},
		{"limit=1%3Ba", "limit=1%3Ba"},
		{"sort%5Border%5D=a%26token%3Db&", "sort[order]=a%26token%3Db"},
		{"%zz=1", "[redacted]"},
		{"limit=" + strings.Repeat("9", 5000), "limit=" + strings.Repeat("9", 250)},
		{strings.Repeat("a&", 1000) + "limit=1", "[redacted]"},
		{"limit=\u202e\u0085", `limit=\u202e\u0085`},
	} {
		r := request("GET", "/documents/1")
		r.URL.RawQuery = test.query
		r.Header.Set("User-Agent", "curl\u202e/8\x7f")
		r.Header["Accept"] = []string{"text/html", "*/*"}
		r.Header.Set("Authorization", "Bearer hunter2")
		h.ServeHTTP(httptest.NewRecorder(), r)
		drain(t, m)
		got := out.records(t)
		last := got[len(got)-1]
		if query, _ := last["query"].(string); query != test.want {
			t.Errorf("query %.60q shown as %.60q, want %.60q", test.query, query, test.want)
		}
		headers, _ := last["headers"].(map[string]any)
		if len(headers) != 2 || headers["user-agent"] != `curl\u202e/8\x7f` || headers["accept"] != "text/html, */*" {
			t.Errorf("headers %v", headers)
		}
		for key, want := range map[string]any{"level": "INFO", "msg": "request", "type": "access", "ip": "192.0.2.1", "userId": "alice", "issuer": "test",
			"method": "GET", "path": "/documents/1", "route": "GET /documents/{id}", "status": 200.0, "bytes": 5.0, "event": nil} {
			if last[key] != want {
				t.Errorf("%s is %v, want %v", key, last[key], want)
			}
		}
		if ms, ok := last["durationMs"].(float64); !ok || ms < 0 || ms > 60_000 || last["requestId"] == nil {
			t.Errorf("%v", last)
		}
	}
	if strings.Contains(out.String(), "hunter2") {
		t.Error("a credential is in the log")
	}
}
