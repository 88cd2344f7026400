package bulwark_test

import (
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/textproto"
	"strings"
	"testing"

	"github.com/bulwark-go/bulwark"
	"github.com/bulwark-go/bulwark/bulwarktest"
)

// What net/http cannot read of a form is not our outage.
func TestCaseRoot3Forms(t *testing.T) {
	parse := func(r *http.Request) error { return r.ParseForm() }
	file := func(r *http.Request) error { _, _, err := r.FormFile("photo"); return err }
	multi := func(r *http.Request) error { return r.ParseMultipartForm(1000) }
	parts := func(r *http.Request) error { _, err := r.MultipartReader(); return err }
	part := func(r *http.Request) error {
		m, err := r.MultipartReader()
		if err != nil {
			return err
		}
		for err == nil {
			_, err = m.NextPart()
		}
		return err
	}
	const field = "--b\r\nContent-Disposition: form-data; name=\"x\"\r\n\r\n"
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
		{"no_part", "/", upload, "", multi, 400, "body.malformed"},
		{"no_part_by_hand", "/", upload, "", part, 400, "body.malformed"},
		{"garbage", "/", upload, "garbage", file, 400, "body.malformed"},
		{"unfinished_field", "/", upload, field + "y", multi, 400, "body.malformed"},
		{"unfinished_file", "/", upload, field + "y", file, 400, "body.malformed"},
		{"unfinished_form", "/", upload, field + "y\r\n--b", multi, 400, "body.malformed"},
		{"header_of_a_part", "/", upload, "--b\r\nnonsense\r\n\r\ny\r\n--b--\r\n", multi, 400, "body.malformed"},
		{"header_of_a_part_by_hand", "/", upload, "--b\r\nnonsense\r\n\r\ny\r\n--b--\r\n", part, 400, "body.malformed"},
		{"media_type_twice", "/", form + "; a=b; a=c", "x=y", parse, 415, "body.unsupported_media_type"},
		{"no_media_type", "/", "/", "x=y", parse, 415, "body.unsupported_media_type"},
	} {
		for how, wrap := range map[string]func(error) error{
			"plain":  func(err error) error { return err },
			"joined": func(err error) error { return errors.Join(errors.New("read"), fmt.Errorf("form: %w", err)) },
		} {
			t.Run(test.name+"_"+how, func(t *testing.T) {
				var rec bulwarktest.Recorder
				r := httptest.NewRequest("POST", test.target, strings.NewReader(test.body))
				r.Header.Set("Content-Type", test.mediaType)
				w := httptest.NewRecorder()
				rec.Wrap(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
					if err := test.read(r); err != nil {
						bulwark.Deny(w, r, wrap(err))
					}
				})).ServeHTTP(w, r)
				checkProblem(t, w, test.status, test.code)
				checkEvent(t, rec.Take(), bulwark.InputValidationFail, test.code, test.status, slog.LevelWarn)
			})
		}
	}
}

// A form does not make the end of another service's answer the client's fault.
func TestCaseRoot3FormsAndOtherServices(t *testing.T) {
	for name, err := range map[string]error{
		"cut_off":   fmt.Errorf("billing: %w", io.ErrUnexpectedEOF),
		"malformed": fmt.Errorf("billing: %w", textproto.ProtocolError("malformed MIME header")),
		"mime":      errors.New("mime: no media type"),
	} {
		for how, read := range map[string]func(*http.Request) error{
			"whole": func(r *http.Request) error { return r.ParseMultipartForm(1000) },
			"none":  func(r *http.Request) error { return nil },
		} {
			if name == "malformed" && how == "whole" {
				continue // nobody can tell
			}
			t.Run(name+"_"+how, func(t *testing.T) {
				var rec bulwarktest.Recorder
				r := httptest.NewRequest("POST", "/", strings.NewReader("--b--\r\n"))
				r.Header.Set("Content-Type", "multipart/form-data; boundary=b")
				w := httptest.NewRecorder()
				rec.Wrap(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
					if err := read(r); err != nil {
						t.Error(err)
					}
					bulwark.Deny(w, r, err)
				})).ServeHTTP(w, r)
				checkProblem(t, w, 500, "internal.error")
				checkEvent(t, rec.Take(), bulwark.SysUnavailable, "internal.error", 500, slog.LevelError)
			})
		}
	}
}
