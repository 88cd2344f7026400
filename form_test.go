package bulwark_test

import (
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/bulwark-go/bulwark"
	"github.com/bulwark-go/bulwark/bulwarktest"
)

// What net/http cannot read of a form is not our outage.
func TestCaseRoot3Forms(t *testing.T) {
	parse := func(r *http.Request) error { return r.ParseForm() }
	file := func(r *http.Request) error { _, _, err := r.FormFile("photo"); return err }
	parts := func(r *http.Request) error { _, err := r.MultipartReader(); return err }
	const form, upload = "application/x-www-form-urlencoded", "multipart/form-data; boundary=b"
	for _, test := range []struct {
		name, target, mediaType, body string
		read                          func(*http.Request) error
		status                        int
		code                          string
	}{
		{"query", "/?a=%zz", form, "", parse, 400, "request.malformed"},
		{"semicolon", "/?a=1;b=2", form, "", parse, 400, "request.malformed"},
		{"form", "/", form, "a=%zz", parse, 400, "request.malformed"},
		{"not_multipart", "/", form, "a=b", file, 415, "body.unsupported_media_type"},
		{"not_multipart_either", "/", "text/plain", "a", parts, 415, "body.unsupported_media_type"},
		{"no_boundary", "/", "multipart/form-data", "a", file, 400, "body.malformed"},
		{"no_file", "/", upload, "--b\r\nContent-Disposition: form-data; name=\"x\"\r\n\r\ny\r\n--b--\r\n", file, 400, "body.malformed"},
		{"too_many_fields", "/", upload, strings.Repeat("--b\r\nContent-Disposition: form-data; name=\"x\"\r\n\r\n\r\n", 1001) + "--b--\r\n", file, 413, "body.too_large"},
	} {
		t.Run(test.name, func(t *testing.T) {
			var rec bulwarktest.Recorder
			r := httptest.NewRequest("POST", test.target, strings.NewReader(test.body))
			r.Header.Set("Content-Type", test.mediaType)
			w := httptest.NewRecorder()
			rec.Wrap(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				if err := test.read(r); err != nil {
					bulwark.Deny(w, r, err)
				}
			})).ServeHTTP(w, r)
			checkProblem(t, w, test.status, test.code)
			checkEvent(t, rec.Take(), bulwark.InputValidationFail, test.code, test.status, slog.LevelWarn)
		})
	}
}
