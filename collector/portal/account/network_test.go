package account

import (
	"errors"
	"fmt"
	"testing"

	"rollbridge/collector/database/dbtest"
)

// One peer of IPv6 has a whole network of addresses to guess from.
func TestAnAddressOfIPv6IsItsNetwork(t *testing.T) {
	for address, want := range map[string]string{
		"192.0.2.7": "192.0.2.7", "::ffff:192.0.2.7": "192.0.2.7", "2001:db8:1:2:3:4:5:6": "2001:db8:1:2::/64", "fe80::1%eth0": "fe80::/64", "pipe": "pipe", "": "",
	} {
		if got := network(address); got != want {
			t.Errorf("%q is %q, not %q", address, got, want)
		}
	}
	o := newOffice(t, dbtest.Migrated(t, dbtest.SQLite(t)))
	guess := func(n int, address string) error {
		_, err := o.SignIn(t.Context(), fmt.Sprintf("name%d", n), "wrong", address)
		return err
	}
	var wait *WaitError
	for n := range 30 {
		if errors.As(guess(n, fmt.Sprintf("2001:db8::%d", n+1)), &wait) {
			break
		}
	}
	if wait == nil {
		t.Error("a network guesses without end")
	}
	if err := guess(99, "2001:db8:0:1::1"); !errors.Is(err, ErrSignIn) {
		t.Errorf("another network: %v", err)
	}
}
