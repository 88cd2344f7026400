package recipes

import (
	"bytes"
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"mime/multipart"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/bulwark-go/bulwark"
	"github.com/bulwark-go/bulwark/audit"
	"github.com/bulwark-go/bulwark/headers/transport"
	"github.com/bulwark-go/bulwark/sanitize"
	"github.com/bulwark-go/bulwark/validate"
)

const (
	uploadBytes = 32 << 20
	uploadTime  = 10 * time.Minute
)

// uploads takes files into a folder: PUT /files has the file as its body, and
// POST /forms is an HTML form with a field "file".
func uploads(folder string) (http.Handler, error) {
	limit, err := bulwark.Chain(transport.MaxBodyBytes(uploadBytes))
	if err != nil {
		return nil, err
	}
	mux := http.NewServeMux()
	mux.Handle("PUT /files", limit.Wrap(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		moreTime(w)
		answerUpload(w, r, folder, r.Body)
	})))
	mux.Handle("POST /forms", limit.Wrap(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		moreTime(w)
		form, err := r.MultipartReader() // reads part by part, and keeps nothing in memory
		if err != nil {
			bulwark.Deny(w, r, err)
			return
		}
		for {
			part, err := form.NextPart()
			if errors.Is(err, io.EOF) {
				bulwark.Deny(w, r, http.ErrMissingFile)
				return
			}
			if err != nil {
				bulwark.Deny(w, r, err)
				return
			}
			if part.FormName() == "file" {
				answerUpload(w, r, folder, part)
				return
			}
		}
	})))
	return mux, nil
}

// moreTime replaces the deadlines of transport.Server, which are 30 seconds for
// reading the request and 60 seconds for the end of the answer.
func moreTime(w http.ResponseWriter) {
	control := http.NewResponseController(w)
	control.SetReadDeadline(time.Now().Add(uploadTime))
	control.SetWriteDeadline(time.Now().Add(uploadTime + 30*time.Second))
}

// answerUpload keeps the file under a name of its own, never under a name that
// the client sent.
func answerUpload(w http.ResponseWriter, r *http.Request, folder string, file io.Reader) {
	name := rand.Text()
	kept, err := os.CreateTemp(folder, ".upload-*")
	if err != nil {
		bulwark.Deny(w, r, err) // 500
		return
	}
	defer os.Remove(kept.Name()) // after the Rename, there is no such file
	_, err = io.Copy(kept, file)
	err = errors.Join(err, kept.Close())
	if err == nil {
		err = os.Rename(kept.Name(), filepath.Join(folder, name))
	}
	if err != nil {
		bulwark.Deny(w, r, err) // 413, 408 or 400 for a fault of the client, else 500
		return
	}
	w.WriteHeader(http.StatusCreated)
	fmt.Fprintln(w, name)
}

const uploadTooLarge = `
HTTP/1.1 413 Request Entity Too Large
Content-Type: application/problem+json
Connection: close

{"type":"about:blank","title":"Request Entity Too Large","status":413,"code":"body.too_large","detail":"…","instance":"…"}
`

const uploadTooLate = `
HTTP/1.1 408 Request Timeout
Content-Type: application/problem+json
Connection: close

{"type":"about:blank","title":"Request Timeout","status":408,"code":"body.timeout","detail":"…","instance":"…"}
`

const uploadNoFile = `
HTTP/1.1 400 Bad Request
Content-Type: application/problem+json

{"type":"about:blank","title":"Bad Request","status":400,"code":"body.malformed","detail":"…","instance":"…"}
`

const uploadNoForm = `
HTTP/1.1 415 Unsupported Media Type
Content-Type: application/problem+json
Accept: multipart/form-data

{"type":"about:blank","title":"Unsupported Media Type","status":415,"code":"body.unsupported_media_type","detail":"…","instance":"…"}
`

const uploadTooLargeLog = `
{"level":"WARN","event":"input_validation_fail","reason":"body.too_large","status":413}
`

const uploadDiskLog = `
{"level":"ERROR","event":"sys_unavailable","reason":"internal.error","status":500}
`

// uploadService is the service behind a stack, as transport.Server serves it.
func uploadService(t *testing.T, folder string) (*http.Server, *wireLog, *bulwark.Stack) {
	t.Helper()
	log := new(wireLog)
	mux, err := uploads(folder)
	if err != nil {
		t.Fatal(err)
	}
	stack, err := bulwark.Chain(audit.Config{Logger: log.logger()}, bulwark.Edge{Hosts: []string{"api.example.com"}})
	if err != nil {
		t.Fatal(err)
	}
	return transport.Server(stack.Wrap(mux)), log, stack
}

// form is a multipart form with fields of these names and values, the last of
// which is a file.
func uploadForm(t *testing.T, fields ...string) (contentType, body string) {
	t.Helper()
	var text bytes.Buffer
	form := multipart.NewWriter(&text)
	for i := 0; i+1 < len(fields); i += 2 {
		create := form.CreateFormField
		if fields[i] == "file" {
			create = func(name string) (io.Writer, error) { return form.CreateFormFile(name, "../../etc/passwd") }
		}
		part, err := create(fields[i])
		if err != nil {
			t.Fatal(err)
		}
		io.WriteString(part, fields[i+1])
	}
	form.Close()
	return form.FormDataContentType(), text.String()
}

func TestUpload(t *testing.T) {
	folder := t.TempDir()
	config, log, stack := uploadService(t, folder)
	server := wireServer(t, config.Handler)
	large := strings.Repeat("a", 3<<20) // more than the 1 MiB of other routes
	for _, test := range []struct {
		name   string
		form   []string // of a form
		body   string   // of another body
		media  string
		length int64 // that the client declares, 0 for the true one
		want   string
	}{
		{name: "a_file", body: large},
		{name: "a_form", form: []string{"title", "Plan", "file", large}},
		{name: "no_file", form: []string{"title", "Plan"}, want: uploadNoFile},
		{name: "no_form", body: "{}", media: "application/json", want: uploadNoForm},
		{name: "file_too_large", body: strings.Repeat("a", uploadBytes+1), want: uploadTooLarge},
		{name: "form_too_large", form: []string{"file", strings.Repeat("a", uploadBytes)}, want: uploadTooLarge},
		{name: "title_too_large", form: []string{"title", strings.Repeat("a", uploadBytes), "file", "x"}, want: uploadTooLarge},
	} {
		t.Run(test.name, func(t *testing.T) {
			method, path := "PUT", "/files"
			if test.form != nil {
				test.media, test.body = uploadForm(t, test.form...)
			}
			if test.media != "" {
				method, path = "POST", "/forms"
			}
			resp := wireAsk(t, server.Client(), method, server.URL+path, test.body,
				"Host", "api.example.com", "Content-Type", test.media)
			if test.want != "" {
				if strings.Contains(test.want, "Connection: close") && resp.Close {
					resp.Header.Set("Connection", "close") // net/http takes it out of the header
				}
				wireAnswer(t, resp, test.want)
				return
			}
			if resp.StatusCode != http.StatusCreated {
				t.Fatalf("%s: %s", resp.Status, wireRead(t, resp))
			}
			kept, err := os.ReadFile(filepath.Join(folder, strings.TrimSpace(wireRead(t, resp))))
			if err != nil || string(kept) != large {
				t.Errorf("%d bytes kept of %d, %v", len(kept), len(large), err)
			}
		})
	}
	left, err := os.ReadDir(folder)
	if err != nil || len(left) != 2 {
		t.Errorf("%d files are left, want the 2 that were taken; %v", len(left), err)
	}
	wireClose(t, stack)
	log.shows(t, uploadTooLargeLog)
}

// A body that is cut off, and a disk that fails.
func TestUploadThatFails(t *testing.T) {
	config, log, stack := uploadService(t, filepath.Join(t.TempDir(), "missing"))
	server := wireServer(t, config.Handler)
	resp := wireAsk(t, server.Client(), "PUT", server.URL+"/files", "text", "Host", "api.example.com")
	if body := wireRead(t, resp); resp.StatusCode != http.StatusInternalServerError || strings.Contains(body, "missing") {
		t.Errorf("%s: %s", resp.Status, body)
	}
	wireClose(t, stack)
	log.shows(t, uploadDiskLog)
	if !strings.Contains(log.String(), "missing") {
		t.Errorf("the log does not say which folder is missing:\n%s", log)
	}
}

// A lateBody is a body that comes after a time.
type lateBody struct {
	after <-chan time.Time
	over  <-chan struct{} // the client gives up
	text  io.Reader
}

func (b *lateBody) Read(p []byte) (int, error) {
	if b.after != nil {
		select {
		case <-b.after:
			b.after = nil
		case <-b.over:
			return 0, io.ErrUnexpectedEOF
		}
	}
	return b.text.Read(p)
}

func TestUploadThatTakesLong(t *testing.T) {
	for _, version := range []int{1, 2} {
		for _, test := range []struct {
			name string
			time time.Duration
			want string
		}{
			{"within_its_time", 9 * time.Minute, ""},
			{"beyond_its_time", 11 * time.Minute, uploadTooLate},
		} {
			t.Run(fmt.Sprintf("%s/http%d", test.name, version), func(t *testing.T) {
				synctest.Test(t, func(t *testing.T) {
					server, _, stack := uploadService(t, t.TempDir())
					lines := newWirePipes()
					server.Protocols = new(http.Protocols)
					server.Protocols.SetHTTP1(true)
					server.Protocols.SetUnencryptedHTTP2(true)
					go server.Serve(lines)
					defer wireClose(t, stack)
					defer server.Close()

					client := lines.client(t, version)
					over := make(chan struct{})
					defer close(over)
					r, err := http.NewRequestWithContext(t.Context(), "PUT", "http://api.example.com/files",
						io.MultiReader(strings.NewReader("first"), &lateBody{time.After(test.time), over, strings.NewReader("last")}))
					if err != nil {
						t.Fatal(err)
					}
					resp, err := client.Do(r)
					if err != nil {
						t.Fatal(err)
					}
					defer resp.Body.Close()
					if test.want == "" {
						if resp.StatusCode != http.StatusCreated {
							t.Errorf("%s: %s", resp.Status, wireRead(t, resp))
						}
						return
					}
					if resp.Close || version == 2 {
						resp.Header.Set("Connection", "close")
					}
					wireAnswer(t, resp, test.want)
				})
			})
		}
	}
}

// What the layers of a route do with a form: they do not check it, and some of
// them read it whole.
func TestUploadBehindLayersOfARoute(t *testing.T) {
	query := validate.SchemaJSON(`{"type": "object", "properties": {"folder": {"type": "string"}}}`)
	for _, test := range []struct {
		name   string
		layer  bulwark.Builder
		size   int // of the file
		status int
	}{
		{"validate_body", validate.Config{Body: validate.SchemaJSON(`{"type": "object"}`)}, 1 << 10, http.StatusUnsupportedMediaType},
		{"sanitize_fields", sanitize.Config{Fields: sanitize.Fields{"/title": sanitize.Text}}, 1 << 10, http.StatusUnsupportedMediaType},
		{"sanitize_form", sanitize.Config{Form: sanitize.Fields{"title": sanitize.Text}}, 1 << 10, http.StatusUnsupportedMediaType},
		{"validate_query", validate.Config{Query: query}, 3 << 20, http.StatusRequestEntityTooLarge},
		{"sanitize_query", sanitize.Config{Query: sanitize.Fields{"folder": sanitize.Text}}, 3 << 20, http.StatusRequestEntityTooLarge},
		{"validate_query_more", validate.Config{Query: query, MaxBodyBytes: uploadBytes}, 3 << 20, http.StatusCreated},
		{"validate_header", validate.Config{Header: validate.SchemaJSON(
			`{"type": "object", "properties": {"x-folder": {"type": "string"}}}`)}, 3 << 20, http.StatusCreated},
		{"validate_body_large", validate.Config{Body: validate.SchemaJSON(`{"type": "object"}`)}, 3 << 20, http.StatusUnsupportedMediaType},
	} {
		t.Run(test.name, func(t *testing.T) {
			mux, err := uploads(t.TempDir())
			if err != nil {
				t.Fatal(err)
			}
			stack, err := bulwark.Chain(audit.Config{Logger: slog.New(slog.DiscardHandler)}, transport.MaxBodyBytes(uploadBytes), test.layer)
			if err != nil {
				t.Fatal(err)
			}
			defer stack.Shutdown(context.Background())
			server := wireServer(t, stack.Wrap(mux))
			media, body := uploadForm(t, "file", strings.Repeat("a", test.size))
			resp := wireAsk(t, server.Client(), "POST", server.URL+"/forms", body, "Content-Type", media)
			if resp.StatusCode != test.status {
				t.Errorf("%s, want %d: %s", resp.Status, test.status, wireRead(t, resp))
			}
		})
	}
}
