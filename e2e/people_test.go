package e2e

import (
	"context"
	"net/http"
	"strings"
	"testing"
	"time"

	"rollbridge/e2e/stack"
)

// People are invited with the command, sign in over the real pages with password
// and code, and are out at the next page when the command says so.
func TestPeopleSignIn(t *testing.T) {
	ctx, cancel := context.WithTimeout(t.Context(), 3*time.Minute)
	defer cancel()
	c, err := stack.NewCollector(ctx, programs, t.TempDir(), stack.CollectorOptions{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := c.Close(); err != nil {
			t.Error(err)
		}
	})
	_, err = c.Start(ctx, "portal")
	if err != nil {
		t.Fatal(err)
	}
	_, err = c.Command(ctx, "authority", "add", "330", "--why", "A reason")
	if err != nil {
		t.Fatal(err)
	}

	clerk, err := c.Join(ctx, stack.Person{Name: "clerk", Role: "caller", Authorities: []string{"330"}})
	if err != nil {
		t.Fatal(err)
	}
	b, err := c.As(ctx, clerk)
	if err != nil {
		t.Fatal(err)
	}
	page, err := b.Get(ctx, "/account")
	if err != nil {
		t.Fatal(err)
	}
	if page.Code != http.StatusOK || !strings.Contains(page.Body, "Caller.") || !strings.Contains(page.Body, "10 left") {
		t.Errorf("the own account is answered with %d:\n%s", page.Code, page.Body)
	}
	// Signed in twice, and out at both when the command says so.
	other, err := c.As(ctx, clerk)
	if err != nil {
		t.Fatal(err)
	}
	_, err = c.Command(ctx, "user", "disable", "clerk")
	if err != nil {
		t.Fatal(err)
	}
	for _, b := range []*stack.Browser{b, other} {
		if page, err := b.Get(ctx, "/account"); err != nil || page.Location != "/sign-in" {
			t.Errorf("a page after the end of the access: %d to %q, %v", page.Code, page.Location, err)
		}
	}
	if r, err := c.Try(ctx, "user", "list"); err != nil || !strings.Contains(r.Stdout, "disabled") {
		t.Errorf("%s %v", r.Stdout, err)
	}
}
