package config_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"rollbridge/shared/config"
)

type settings struct {
	DataDir     string            `config:"data_dir"`
	Attempts    int               `config:"attempts"`
	Verbose     bool              `config:"verbose"`
	Authorities []string          `config:"authorities"`
	Uplink      uplink            `config:"uplink"`
	Headers     map[string]string `config:"headers"`
	Derived     int               `config:"-"`
}

type uplink struct {
	Retry    time.Duration `config:"retry"`
	MaxBytes uint32        `config:"max_bytes"`
	Token    string        `config:"token" secret:"true"`
	Proxy    string        `config:"proxy" env:"-"`
}

func (s *settings) Validate() error {
	if s.Attempts > 100 {
		return errTooMany
	}
	return nil
}

var errTooMany = errors.New("attempts must be at most 100")

var defaults = settings{DataDir: "/default", Attempts: 3, Uplink: uplink{Retry: time.Minute}, Derived: 9}

// origins reduces an explanation to the one setting a test is about.
func origin(t *testing.T, e config.Explained, key string) config.Setting {
	t.Helper()
	for _, s := range e {
		if s.Key == key {
			return s
		}
	}
	t.Fatalf("%s is not explained", key)
	return config.Setting{}
}

func TestFileGivesEveryKindOfValue(t *testing.T) {
	got, _, err := config.Load(defaults, config.Sources{File: "testdata/complete.yaml"})
	if err != nil {
		t.Fatal(err)
	}
	want := settings{
		DataDir: "/from/file", Attempts: 7, Verbose: true, Derived: 9,
		Authorities: []string{"330", "0331", "East"},
		Uplink: uplink{Retry: 45 * time.Second, MaxBytes: 4194304, Token: "file-secret",
			Proxy: "http://user:hunter2@proxy.example:8080"},
		Headers: map[string]string{"Legal Surname": "surname", "UPN": "upn"},
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
}

func TestPrecedence(t *testing.T) {
	const file = "testdata/complete.yaml"
	env := []string{"OTHER=1", "TEST_DATA_DIR=/from/env", "TEST_UPLINK_RETRY=5s", "TEST_VERBOSE=false",
		"TEST_AUTHORITIES= 340, 341", "TEST_HEADERS=a=1", "TEST_ATTEMPTS="}
	flags := []config.Flag{{Key: "data_dir", Value: "/from/flag"}, {Key: "uplink.max_bytes", Value: "1"}}
	for name, c := range map[string]struct {
		sources     config.Sources
		key         string
		value, from string
	}{
		"nothing given":             {config.Sources{}, "data_dir", "/default", "default"},
		"file beats default":        {config.Sources{File: file}, "data_dir", "/from/file", "file testdata/complete.yaml:2"},
		"environment beats file":    {config.Sources{File: file, EnvPrefix: "TEST", Environ: env}, "data_dir", "/from/env", "environment TEST_DATA_DIR"},
		"flag beats environment":    {config.Sources{File: file, EnvPrefix: "TEST", Environ: env, Flags: flags}, "data_dir", "/from/flag", "flag"},
		"nested environment":        {config.Sources{File: file, EnvPrefix: "TEST", Environ: env}, "uplink.retry", "5s", "environment TEST_UPLINK_RETRY"},
		"environment without file":  {config.Sources{EnvPrefix: "test", Environ: env}, "uplink.retry", "5s", "environment TEST_UPLINK_RETRY"},
		"nested flag":               {config.Sources{File: file, Flags: flags}, "uplink.max_bytes", "1", "flag"},
		"false beats true":          {config.Sources{File: file, EnvPrefix: "TEST", Environ: env}, "verbose", "false", "environment TEST_VERBOSE"},
		"a list is replaced whole":  {config.Sources{File: file, EnvPrefix: "TEST", Environ: env}, "authorities", "340,341", "environment TEST_AUTHORITIES"},
		"a map is replaced whole":   {config.Sources{File: file, EnvPrefix: "TEST", Environ: env}, "headers", "a=1", "environment TEST_HEADERS"},
		"empty variable is not set": {config.Sources{File: file, EnvPrefix: "TEST", Environ: env}, "attempts", "7", "file testdata/complete.yaml:3"},
		"names in any case":         {config.Sources{EnvPrefix: "TEST", Environ: []string{"Test_Attempts=4"}}, "attempts", "4", "environment Test_Attempts"},
		"no prefix, no environment": {config.Sources{Environ: env}, "data_dir", "/default", "default"},
		"empty file":                {config.Sources{File: "testdata/empty.yaml"}, "data_dir", "/default", "default"},
		"comments only":             {config.Sources{File: "testdata/comments.yaml"}, "data_dir", "/default", "default"},
		"section commented out":     {config.Sources{File: "testdata/empty_section.yaml"}, "uplink.retry", "1m0s", "default"},
	} {
		t.Run(name, func(t *testing.T) {
			_, explained, err := config.Load(defaults, c.sources)
			if err != nil {
				t.Fatal(err)
			}
			want := config.Setting{Key: c.key, Value: c.value, Origin: c.from}
			if diff := cmp.Diff(want, origin(t, explained, c.key)); diff != "" {
				t.Error(diff)
			}
		})
	}
}

// Loading must change nothing in the defaults it was given: they are package variables.
func TestDefaultsStayUntouched(t *testing.T) {
	mine := settings{Authorities: []string{"1"}, Headers: map[string]string{"a": "1"}}
	if _, _, err := config.Load(mine, config.Sources{File: "testdata/complete.yaml"}); err != nil {
		t.Fatal(err)
	}
	want := settings{Authorities: []string{"1"}, Headers: map[string]string{"a": "1"}}
	if diff := cmp.Diff(want, mine); diff != "" {
		t.Error(diff)
	}
}

func TestRefusals(t *testing.T) {
	env := func(pairs ...string) config.Sources { return config.Sources{EnvPrefix: "TEST", Environ: pairs} }
	flag := func(key, value string) config.Sources {
		return config.Sources{Flags: []config.Flag{{Key: key, Value: value}}}
	}
	file := func(name string) config.Sources { return config.Sources{File: name} }
	text := func(t *testing.T, content string) config.Sources {
		name := filepath.Join(t.TempDir(), "c.yaml")
		if err := os.WriteFile(name, []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
		return file(name)
	}
	for name, c := range map[string]struct {
		sources config.Sources
		want    string
	}{
		"misspelt section":        {file("testdata/misspelt.yaml"), `misspelt.yaml:7: unknown key "uplnik"; did you mean "uplink"?`},
		"misspelt key":            {text(t, "atempts: 1"), `:1: unknown key "atempts"; did you mean "attempts"?`},
		"swapped letters":         {text(t, "uplink:\n  rtery: 1s"), `:2: unknown key "uplink.rtery"; did you mean "uplink.retry"?`},
		"key in the wrong place":  {text(t, "retry: 1s"), `unknown key "retry"; did you mean "uplink.retry"?`},
		"nothing near":            {text(t, "uplink:\n  colour: red"), `:2: unknown key "uplink.colour"; known here: max_bytes, proxy, retry, token`},
		"case counts":             {text(t, "Data_Dir: /x"), `:1: unknown key "Data_Dir"; did you mean "data_dir"?`},
		"merge key":               {text(t, "<<: {attempts: 1}"), `unknown key "<<"`},
		"duplicate":               {file("testdata/duplicate.yaml"), `duplicate.yaml:4: "uplink.retry" is already set on line 3`},
		"duplicate in a map":      {text(t, "headers:\n  a: 1\n  a: 2"), `:3: a name in "headers" is set twice`},
		"tab":                     {file("testdata/tab.yaml"), "tab.yaml:3: a tab is used for indentation: use spaces"},
		"missing file":            {file("testdata/none.yaml"), "testdata/none.yaml does not exist"},
		"directory":               {file("testdata"), "read the configuration file"},
		"not settings":            {text(t, "hunter2"), ":1: settings are written as name: value"},
		"second document":         {text(t, "attempts: 1\n---\nattempts: 2"), "a second document begins here"},
		"broken quotes":           {text(t, "attempts: 1\ndata_dir: \"hunter2\nverbose: true"), "cannot be read as YAML"},
		"unknown anchor":          {text(t, "uplink:\n  token: *hunter2"), "must be put in quotes"},
		"binary":                  {text(t, "\x00\xff\xfe\x01"), "cannot be read as YAML"},
		"too large":               {text(t, strings.Repeat("#", 1<<20+1)), "larger than 1 MiB"},
		"null":                    {text(t, "data_dir:"), `:1: "data_dir" has no value`},
		"value for a section":     {text(t, "uplink: 3"), `:1: "uplink" holds settings of its own`},
		"text as boolean":         {text(t, "verbose: yes"), `"verbose" must be true or false`},
		"duration without a unit": {text(t, "uplink:\n  retry: 30"), `"uplink.retry" must be a duration such as 30s, 15m or 24h`},
		"number too large":        {text(t, "uplink:\n  max_bytes: 4294967296"), "must be a whole number from 0 to 4294967295"},
		"fraction":                {text(t, "attempts: 1.5"), `"attempts" must be a whole number`},
		"tagged value":            {text(t, "data_dir: !secret hunter2"), `"data_dir" must be text`},
		"unknown variable":        {env("TEST_DATADIR=/x"), "environment: unknown variable TEST_DATADIR; did you mean TEST_DATA_DIR?"},
		"unlike any variable":     {env("TEST_PATHOLOGICAL=/x"), "unknown variable TEST_PATHOLOGICAL; remove it"},
		"variable not offered":    {env("TEST_UPLINK_PROXY=http://x"), "unknown variable TEST_UPLINK_PROXY"},
		"variable of wrong type":  {env("TEST_ATTEMPTS=hunter2"), `environment: TEST_ATTEMPTS ("attempts") must be a whole number`},
		"variable list with hole": {env("TEST_AUTHORITIES=a,,b"), "must be a list of texts written a,b"},
		"variable map":            {env("TEST_HEADERS=hunter2"), "must be a map of names to texts written a=1,b=2"},
		"variable in two cases":   {env("TEST_ATTEMPTS=1", "test_attempts=2"), "test_attempts is also set as TEST_ATTEMPTS"},
		"unknown flag":            {flag("data_dri", "/x"), `command line: unknown setting "data_dri"; did you mean "data_dir"?`},
		"flag of wrong type":      {flag("verbose", "hunter2"), `command line: "verbose" must be true or false`},
	} {
		t.Run(name, func(t *testing.T) {
			got, explained, err := config.Load(defaults, c.sources)
			if err == nil {
				t.Fatal("accepted")
			}
			if !strings.Contains(err.Error(), c.want) {
				t.Errorf("got  %v\nwant %s", err, c.want)
			}
			if strings.Contains(err.Error(), "hunter2") {
				t.Errorf("the error shows a value: %v", err)
			}
			if cmp.Diff(settings{}, got) != "" || explained != nil {
				t.Error("a refused configuration was returned")
			}
		})
	}
}

func TestReservedVariablesAreLeftAlone(t *testing.T) {
	s := config.Sources{EnvPrefix: "TEST", Environ: []string{"TEST_CONFIG=/x"}, Reserved: []string{"TEST_CONFIG"}}
	if _, _, err := config.Load(defaults, s); err != nil {
		t.Error(err)
	}
}

// A person who has three things to mend must not need three starts to learn of them.
func TestEveryFaultIsReportedAtOnce(t *testing.T) {
	_, _, err := config.Load(defaults, config.Sources{File: "testdata/wrong_types.yaml",
		EnvPrefix: "TEST", Environ: []string{"TEST_NONE=1"}, Flags: []config.Flag{{Key: "none"}}})
	if err == nil {
		t.Fatal("accepted")
	}
	for _, want := range []string{":1: ", ":2: ", ":3: ", ":4: ", ":6: ", ":7: ", ":8: ", ":9: ", "TEST_NONE", `"none"`} {
		if !strings.Contains(err.Error(), want) {
			t.Errorf("%q is missing from:\n%v", want, err)
		}
	}
	if strings.Contains(err.Error(), "hunter2") {
		t.Errorf("the error shows a value: %v", err)
	}
}

func TestValidateComesLast(t *testing.T) {
	_, explained, err := config.Load(defaults, config.Sources{Flags: []config.Flag{{Key: "attempts", Value: "101"}}})
	if !errors.Is(err, errTooMany) {
		t.Fatalf("got %v", err)
	}
	if got := origin(t, explained, "attempts").Origin; got != "flag" {
		t.Errorf("origin %q", got)
	}
}

func TestExplanationHidesSecrets(t *testing.T) {
	for name, s := range map[string]config.Sources{
		"from file":        {File: "testdata/complete.yaml"},
		"from environment": {EnvPrefix: "TEST", Environ: []string{"TEST_UPLINK_TOKEN=hunter2"}},
		"from flag":        {Flags: []config.Flag{{Key: "uplink.token", Value: "hunter2"}, {Key: "uplink.proxy", Value: "http://u:hunter2@p:8080"}}},
	} {
		t.Run(name, func(t *testing.T) {
			_, explained, err := config.Load(defaults, s)
			if err != nil {
				t.Fatal(err)
			}
			var table bytes.Buffer
			if err := explained.WriteTable(&table); err != nil {
				t.Fatal(err)
			}
			doc, err := json.Marshal(explained)
			if err != nil {
				t.Fatal(err)
			}
			for _, out := range []string{table.String(), string(doc)} {
				if strings.Contains(out, "hunter2") || strings.Contains(out, "file-secret") {
					t.Errorf("a secret is shown:\n%s", out)
				}
				if !strings.Contains(out, "(set, not shown)") {
					t.Errorf("the secret's presence is not shown:\n%s", out)
				}
			}
		})
	}
}

func TestExplanationIsSortedAndComplete(t *testing.T) {
	_, explained, err := config.Load(defaults, config.Sources{})
	if err != nil {
		t.Fatal(err)
	}
	var table bytes.Buffer
	if err := explained.WriteTable(&table); err != nil {
		t.Fatal(err)
	}
	want := strings.Join([]string{
		`SETTING           VALUE      ORIGIN`,
		`attempts          3          default`,
		`authorities       ""         default`,
		`data_dir          /default   default`,
		`headers           ""         default`,
		`uplink.max_bytes  0          default`,
		`uplink.proxy      ""         default`,
		`uplink.retry      1m0s       default`,
		`uplink.token      (not set)  default`,
		`verbose           false      default`, ``}, "\n")
	if diff := cmp.Diff(want, table.String()); diff != "" {
		t.Error(diff)
	}
}

// A mistake in a struct is found by the first test that loads it, not by a customer.
func TestStructsThatCannotBeLoaded(t *testing.T) {
	check := func(err error, want string) {
		t.Helper()
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("got %v, want %s", err, want)
		}
	}
	_, _, err := config.Load(struct{ A string }{}, config.Sources{})
	check(err, "field A: needs a tag")
	_, _, err = config.Load(struct {
		A string `config:"Aa"`
	}{}, config.Sources{})
	check(err, "needs a tag")
	_, _, err = config.Load(struct {
		A float64 `config:"a"`
	}{}, config.Sources{})
	check(err, "type float64 is not supported")
	_, _, err = config.Load(struct {
		A string `config:"a"`
		B string `config:"a"`
	}{}, config.Sources{})
	check(err, `key "a" is used twice`)
	_, _, err = config.Load(struct {
		A string `config:"a_b"`
		B struct {
			C string `config:"b"`
		} `config:"a"`
	}{}, config.Sources{})
	check(err, "would share one environment variable")
	_, _, err = config.Load(3, config.Sources{})
	check(err, "must be a struct")
}

type (
	level string
	roles []level
	named struct {
		Level level            `config:"level"`
		Roles roles            `config:"roles"`
		Map   map[level]string `config:"map"`
	}
)

func TestNamedTypes(t *testing.T) {
	got, _, err := config.Load(named{}, config.Sources{Flags: []config.Flag{
		{Key: "level", Value: "debug"}, {Key: "roles", Value: "intake,apply"}, {Key: "map", Value: "a=1"}}})
	if err != nil {
		t.Fatal(err)
	}
	want := named{Level: "debug", Roles: roles{"intake", "apply"}, Map: map[level]string{"a": "1"}}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
}

// FuzzFile: whatever a file holds, Load answers without a panic and within its limits.
func FuzzFile(f *testing.F) {
	for _, name := range []string{"complete", "misspelt", "tab", "duplicate", "wrong_types"} {
		data, err := os.ReadFile("testdata/" + name + ".yaml")
		if err != nil {
			f.Fatal(err)
		}
		f.Add(data)
	}
	f.Add([]byte("uplink: &a\n  <<: *a\n"))
	f.Add([]byte("a: &a [*a]\nheaders: {[x]: y}\n? {a: b}\n: c"))
	name := filepath.Join(f.TempDir(), "c.yaml") // each worker is a process of its own
	f.Fuzz(func(t *testing.T, data []byte) {
		if err := os.WriteFile(name, data, 0o600); err != nil {
			t.Fatal(err)
		}
		got, explained, err := config.Load(defaults, config.Sources{File: name})
		if err == nil && (len(explained) != 9 || got.Derived != 9) {
			t.Errorf("incomplete: %v", explained)
		}
	})
}
