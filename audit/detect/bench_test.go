package detect_test

import (
	"net/netip"
	"strconv"
	"testing"

	"github.com/bulwark-go/bulwark"
	"github.com/bulwark-go/bulwark/audit"
	"github.com/bulwark-go/bulwark/audit/detect"
	"github.com/bulwark-go/bulwark/internal/race"
)

// updates are events of many actors, below every threshold.
func updates(d *detect.Detector) map[string]func(i int) {
	const many = 1024
	var logins, objects, paths, tokens [many]bulwark.Event
	for i := range many {
		e := bulwark.Event{ClientIP: netip.AddrFrom4([4]byte{10, 0, byte(i >> 8), byte(i)})}
		logins[i], objects[i], paths[i], tokens[i] = e, e, e, e
		logins[i].Name, logins[i].Status = bulwark.AuthnLoginFail, 401
		logins[i].Attrs[0] = d.Account("user" + strconv.Itoa(i) + "@example.com")
		objects[i].Name, objects[i].Status = bulwark.AuthzFail, 404
		objects[i].Issuer, objects[i].UserID = "https://login.example.com", "u-"+strconv.Itoa(i)
		objects[i].Route, objects[i].Path = "GET /documents/{id}", "/documents/"+strconv.Itoa(1000*i)
		paths[i].Name, paths[i].Status, paths[i].Path = bulwark.InputValidationFail, 404, "/wp-login.php"
		tokens[i].Name, tokens[i].Status, tokens[i].Reason = bulwark.AuthnTokenInvalid, 401, "signature"
	}
	answer := audit.Answer{Event: bulwark.Event{Status: 200}}
	ctx := ctxOf()
	return map[string]func(int){
		"bad_token":      func(i int) { d.Record(ctx, tokens[i%many]) },
		"refused_object": func(i int) { d.Record(ctx, objects[i%many]) },
		"unknown_path":   func(i int) { d.Record(ctx, paths[i%many]) },
		"failed_login":   func(i int) { d.Record(ctx, logins[i%many]) }, // five rules
		"answer":         func(int) { d.Answered(ctx, answer) },
	}
}

func BenchmarkUpdate(b *testing.B) {
	d := made(b, detect.Config{BruteForce: detect.LeakConfig{Threshold: 64}, SuccessAfterFailures: detect.WindowConfig{Threshold: 64}})
	for name, update := range updates(d) {
		b.Run(name, func(b *testing.B) {
			b.ReportAllocs()
			i := 0
			for b.Loop() {
				update(i)
				i++
			}
		})
	}
}

// An update allocates nothing.
func TestUpdateAllocations(t *testing.T) {
	if race.Enabled {
		t.Skip("the race detector allocates")
	}
	d := made(t, detect.Config{BruteForce: detect.LeakConfig{Threshold: 64}, SuccessAfterFailures: detect.WindowConfig{Threshold: 64}})
	for name, update := range updates(d) {
		i := 0
		if n := testing.AllocsPerRun(2000, func() { update(i); i++ }); n != 0 {
			t.Errorf("%s: %v allocations", name, n)
		}
	}
}
