package service

import "testing"

// What is entered is read back as it was.
func TestSetupOf(t *testing.T) {
	for _, want := range []Setup{
		{Program: `C:\Program Files\Rollbridge\rollbridge-agent.exe`, Dir: `C:\ProgramData\Rollbridge`},
		{Program: `C:\r.exe`, Dir: `D:\Schools`, Schools: true},
		{Program: `C:\r.exe`, Dir: `D:\One`, Config: `D:\agent.yaml`},
	} {
		if got := setupOf(append([]string{want.Program}, want.arguments()...)); got != want {
			t.Errorf("%+v, want %+v", got, want)
		}
	}
	for _, strange := range [][]string{nil, {"a.exe"}, {"a.exe", "supervise", "--data-dir"}} {
		if got := setupOf(strange); got.Dir != "" {
			t.Errorf("%q: %+v", strange, got)
		}
	}
}
