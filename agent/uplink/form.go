package uplink

import (
	"context"
	"io"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/hashicorp/go-retryablehttp"

	"rollbridge/shared/version"
)

// maxFormAnswer bounds the answer to a form.
const maxFormAnswer = 1 << 20

// PostForm posts a form to one of the collector's pages, over the way that
// messages go, and returns what came back: nothing of it is proved. Errors are
// a *Fault, and hold nothing of the form; an answer of any status is none.
func (c *Client) PostForm(ctx context.Context, page string, form url.Values) (status int, answer []byte, err error) {
	ctx, cancel := context.WithTimeout(ctx, c.patience)
	defer cancel()
	request, err := retryablehttp.NewRequestWithContext(ctx, http.MethodPost, c.base.JoinPath(page).String(), strings.NewReader(form.Encode()))
	if err != nil {
		return 0, nil, c.explain(err, time.Time{})
	}
	request.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	request.Header.Set("User-Agent", "rollbridge-agent/"+version.Version)
	response, err := c.http.Do(request)
	if err != nil {
		return 0, nil, c.explain(err, time.Time{})
	}
	defer response.Body.Close()
	answer, err = io.ReadAll(io.LimitReader(response.Body, maxFormAnswer+1))
	switch {
	case err != nil:
		return 0, nil, c.explain(err, time.Time{})
	case len(answer) > maxFormAnswer:
		return 0, nil, c.fault(NotCollector, nil, "the answer is over %d bytes", maxFormAnswer)
	}
	return response.StatusCode, answer, nil
}
