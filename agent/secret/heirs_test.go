package secret

import (
	"slices"
	"testing"
)

func TestHeirs(t *testing.T) {
	const service = "S-1-5-80-956008885-3418522649-1831038044-1853292631-2271478464"
	for sddl, want := range map[string][]string{
		"D:P(A;OICI;FA;;;SY)(A;OICI;FA;;;BA)(A;OICI;FA;;;" + service + ")":                                  {"SY", "BA", service},
		"D:PAI(A;OICI;FA;;;SY)(A;OICI;FA;;;LA)":                                                             {"SY", "LA"},
		"D:P(A;OICI;FA;;;SY)(A;OICI;FA;;;WD)":                                                               nil, // everybody
		"D:P(A;OICI;FA;;;SY)(A;OICI;0x1200a9;;;BU)":                                                         nil,
		"D:AI(A;OICIID;FA;;;SY)(A;OICIID;FA;;;" + service + ")":                                             nil, // inherited
		"D:PAI(A;OICI;FA;;;SY)(A;OICI;FA;;;BA)(A;OICIIO;FA;;;CO)(A;OICI;0x1200a9;;;BU)(A;CI;DCLCRPCR;;;BU)": nil, // ProgramData
		"D:P(D;OICI;FA;;;SY)": nil,
		"":                    nil,
	} {
		if got := heirs(sddl); !slices.Equal(got, want) {
			t.Errorf("%s: %v, want %v", sddl, got, want)
		}
	}
}
