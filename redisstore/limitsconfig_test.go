package redisstore_test

import (
	"errors"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/bulwark-go/bulwark"
	"github.com/bulwark-go/bulwark/bulwarktest"
	"github.com/bulwark-go/bulwark/ratelimit"
	"github.com/bulwark-go/bulwark/redisstore"
)

// fields are those that a NewLimits with this Config complains of.
func fields(c redisstore.LimitsConfig) (all []string) {
	_, err := redisstore.NewLimits(c)
	if err == nil {
		return nil
	}
	many, ok := err.(interface{ Unwrap() []error })
	if !ok {
		return []string{err.Error()}
	}
	for _, err := range many.Unwrap() {
		var wrong *bulwark.ConfigError
		if !errors.As(err, &wrong) {
			return []string{err.Error()}
		}
		all = append(all, strings.TrimPrefix(wrong.Field, "redisstore.Limits."))
	}
	slices.Sort(all)
	return all
}

func TestLimitsConfig(t *testing.T) {
	type C = redisstore.LimitsConfig
	for name, test := range map[string]struct {
		change func(*C)
		want   string
	}{
		"minimal":     {func(*C) {}, ""},
		"everything":  {func(c *C) { *c = C{} }, "Client Secret"},
		"nil client":  {func(c *C) { c.Client = (*fake)(nil) }, "Client"},
		"nil rueidis": {func(c *C) { c.Client = redisstore.Rueidis(nil) }, "Client"},
		"31 bytes":    {func(c *C) { c.Secret = c.Secret[:31] }, "Secret"},
		"a public key": {func(c *C) {
			c.Secret = []byte("-----BEGIN PUBLIC KEY-----\nMCowBQYDK2VwAyEA11qYAYKxCrfVS/7TyWQHOg7hcvPapiMlrwIaaPcHURo=\n-----END PUBLIC KEY-----\n")
		}, "Secret"},
		"prefix":            {func(c *C) { c.Prefix = "service.a-B_9:x" }, ""},
		"prefix of 64":      {func(c *C) { c.Prefix = strings.Repeat("p", 64) }, ""},
		"prefix of 65":      {func(c *C) { c.Prefix = strings.Repeat("p", 65) }, "Prefix"},
		"brace":             {func(c *C) { c.Prefix = "a{b}" }, "Prefix"},
		"closing brace":     {func(c *C) { c.Prefix = "a}" }, "Prefix"},
		"space":             {func(c *C) { c.Prefix = "a b" }, "Prefix"},
		"newline":           {func(c *C) { c.Prefix = "a\r\nFLUSHALL" }, "Prefix"},
		"umlaut":            {func(c *C) { c.Prefix = "ä" }, "Prefix"},
		"1 ms":              {func(c *C) { c.Timeout = time.Millisecond }, ""},
		"below 1 ms":        {func(c *C) { c.Timeout = time.Millisecond - 1 }, "Timeout"},
		"10 s":              {func(c *C) { c.Timeout = 10 * time.Second }, ""},
		"above 10 s":        {func(c *C) { c.Timeout = 10*time.Second + 1 }, "Timeout"},
		"negative":          {func(c *C) { c.Timeout = -1 }, "Timeout"},
		"closed":            {func(c *C) { c.OnOutage = redisstore.Closed }, ""},
		"open":              {func(c *C) { c.OnOutage = redisstore.InsecureOpen }, ""},
		"local":             {func(c *C) { c.OnOutage = redisstore.Local }, "Instances"},
		"local of one":      {func(c *C) { c.OnOutage, c.Instances = redisstore.Local, 1 }, ""},
		"unknown mode":      {func(c *C) { c.OnOutage = 4 }, "OnOutage"},
		"negative mode":     {func(c *C) { c.OnOutage = -1 }, "OnOutage"},
		"instances":         {func(c *C) { c.Instances = 10_000 }, ""},
		"many instances":    {func(c *C) { c.Instances = 10_001 }, "Instances"},
		"-1 instances":      {func(c *C) { c.Instances = -1 }, "Instances"},
		"8 keys":            {func(c *C) { c.MaxKeys = 8 }, ""},
		"7 keys":            {func(c *C) { c.MaxKeys = 7 }, "MaxKeys"},
		"many keys":         {func(c *C) { c.MaxKeys = 1<<27 + 1 }, "MaxKeys"},
		"a nil recorder":    {func(c *C) { c.Recorder = (*bulwarktest.Recorder)(nil) }, "Recorder"},
		"several at a time": {func(c *C) { c.Timeout, c.MaxKeys, c.Prefix = -1, -1, "{" }, "MaxKeys Prefix Timeout"},
	} {
		c := C{Client: &fake{}, Secret: []byte(strings.Repeat("s", 32))}
		test.change(&c)
		if got := strings.Join(fields(c), " "); got != test.want {
			t.Errorf("%s: %q, want %q", name, got, test.want)
		}
	}
}

func TestAWrongSecretIsNotShown(t *testing.T) {
	_, err := redisstore.NewLimits(redisstore.LimitsConfig{Client: &fake{}, Secret: []byte("hunter2")})
	if err == nil || strings.Contains(err.Error(), "hunter2") {
		t.Error(err)
	}
}

func TestModes(t *testing.T) {
	for mode, want := range map[redisstore.Outage]string{
		redisstore.Closed: "closed", redisstore.Local: "local", redisstore.InsecureOpen: "insecure_open", 0: "Outage(0)",
	} {
		if mode.String() != want {
			t.Errorf("%s, want %s", mode, want)
		}
	}
}

// What a cell may be, at each bound. An error costs no command.
func TestCells(t *testing.T) {
	const year = 366 * 24 * time.Hour
	now := time.Now()
	type C = ratelimit.Cell
	for name, test := range map[string]struct {
		change func(*C)
		field  string
	}{
		"good":                {func(*C) {}, ""},
		"the longest window":  {func(c *C) { c.Policy.Window = year }, ""},
		"a longer window":     {func(c *C) { c.Policy.Window = year + 1 }, "Policy.Window"},
		"the shortest window": {func(c *C) { c.Policy.Window, c.Policy.Limit, c.Policy.Burst = time.Microsecond, 1, 1 }, ""},
		"a shorter window":    {func(c *C) { c.Policy.Window, c.Policy.Limit, c.Policy.Burst = time.Microsecond-1, 1, 1 }, "Policy.Window"},
		"a negative window":   {func(c *C) { c.Policy.Window = -time.Second }, "Policy.Window"},
		"one a microsecond":   {func(c *C) { c.Policy.Window, c.Policy.Limit = time.Second, 1_000_000 }, ""},
		"more than that":      {func(c *C) { c.Policy.Window, c.Policy.Limit = time.Second, 1_000_001 }, ""},
		"one a nanosecond":    {func(c *C) { c.Policy.Window, c.Policy.Limit = time.Second, 1e9 }, ""},
		"more than one":       {func(c *C) { c.Policy.Window, c.Policy.Limit = time.Second, 1e9+1 }, "Policy.Limit"},
		"a limit of a year":   {func(c *C) { c.Policy.Window, c.Policy.Limit = year, int64(year/time.Microsecond) }, ""},
		"a limit of more":     {func(c *C) { c.Policy.Window, c.Policy.Limit = year, int64(year/time.Microsecond)+1 }, "Policy.Limit"},
		"a burst of microseconds": {func(c *C) {
			c.Policy.Window, c.Policy.Limit, c.Policy.Burst = time.Second, 1e9, int64(year/time.Microsecond)
		}, ""},
		"and one more": {func(c *C) {
			c.Policy.Window, c.Policy.Limit, c.Policy.Burst = time.Second, 1e9, int64(year/time.Microsecond)+1
		}, "Policy.Burst"},
		"a negative limit":        {func(c *C) { c.Policy.Limit = -1 }, "Policy.Limit"},
		"a burst of a year":       {func(c *C) { c.Policy.Window, c.Policy.Limit, c.Policy.Burst = time.Hour, 1, 366*24 }, ""},
		"a burst of more":         {func(c *C) { c.Policy.Window, c.Policy.Limit, c.Policy.Burst = time.Hour, 1, 366*24+1 }, "Policy.Burst"},
		"a negative burst":        {func(c *C) { c.Policy.Burst = -1 }, "Policy.Burst"},
		"a log of 64":             {func(c *C) { c.Policy.Algorithm, c.Policy.Limit = ratelimit.SlidingLog, 64 }, ""},
		"a log of 65":             {func(c *C) { c.Policy.Algorithm, c.Policy.Limit = ratelimit.SlidingLog, 65 }, "Policy.Limit"},
		"an unknown algorithm":    {func(c *C) { c.Policy.Algorithm = 3 }, "Policy.Algorithm"},
		"a negative algorithm":    {func(c *C) { c.Policy.Algorithm = -1 }, "Policy.Algorithm"},
		"a huge cost":             {func(c *C) { c.Cost = 1<<63 - 1 }, ""},
		"a negative cost":         {func(c *C) { c.Cost = -1 }, "Cost"},
		"512 ends":                {func(c *C) { c.Policy.Algorithm, c.Policy.Ends = ratelimit.FixedWindow, ends(now, 512) }, ""},
		"513 ends":                {func(c *C) { c.Policy.Algorithm, c.Policy.Ends = ratelimit.FixedWindow, ends(now, 513) }, "Policy.Ends"},
		"ends in another order":   {func(c *C) { c.Policy.Algorithm, c.Policy.Ends = ratelimit.FixedWindow, []time.Time{now, now.Add(-1)} }, "Policy.Ends"},
		"ends of a gcra":          {func(c *C) { c.Policy.Ends = ends(now, 3) }, "Policy.Ends"},
		"no burst of a window":    {func(c *C) { c.Policy.Algorithm, c.Policy.Burst = ratelimit.FixedWindow, 0 }, ""},
		"an end twice":            {func(c *C) { c.Policy.Algorithm, c.Policy.Ends = ratelimit.FixedWindow, []time.Time{now, now} }, "Policy.Ends"},
		"an end before the epoch": {func(c *C) { c.Policy.Algorithm, c.Policy.Ends = ratelimit.FixedWindow, []time.Time{{}, now} }, "Policy.Ends"},
		"an end in 2200": {func(c *C) {
			c.Policy.Algorithm, c.Policy.Ends = ratelimit.FixedWindow, []time.Time{now, time.Date(2200, 1, 1, 0, 0, 0, 0, time.UTC)}
		}, "Policy.Ends"},
	} {
		f := &fake{answer: says(refused)}
		l := limits(t, f, nil)
		c := ten("a")
		test.change(&c)
		_, _, err := debit(t, l, c)
		var wrong *bulwark.ConfigError
		switch {
		case test.field == "" && (errors.As(err, &wrong) || f.count("") != 1):
			t.Errorf("%s: %v", name, err)
		case test.field != "" && (!errors.As(err, &wrong) || wrong.Field != "ratelimit.Cell."+test.field || f.count("") != 0):
			t.Errorf("%s: %v, want %s", name, err, test.field)
		}
		if test.field == "" {
			continue
		}
		if err := l.Refund(t.Context(), []C{c}); err == nil {
			t.Errorf("%s: Refund", name)
		}
		if err := l.Reset(t.Context(), []C{c}); err == nil {
			t.Errorf("%s: Reset", name)
		}
	}
}

func ends(from time.Time, n int) (all []time.Time) {
	for i := range n {
		all = append(all, from.Add(time.Duration(i-1)*time.Hour))
	}
	return all
}

func TestNoCells(t *testing.T) {
	f := &fake{answer: fails}
	l := limits(t, f, func(c *redisstore.LimitsConfig) { c.Instances = 1 })
	if ok, err := l.Debit(t.Context(), nil); !ok || err != nil {
		t.Errorf("Debit: %t, %v", ok, err)
	}
	if err := errors.Join(l.Refund(t.Context(), nil), l.Reset(t.Context(), nil)); err != nil || f.count("") != 0 {
		t.Errorf("%v, %d commands", err, f.count(""))
	}
}
