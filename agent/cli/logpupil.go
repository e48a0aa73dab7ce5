package cli

import (
	"context"
	"errors"
	"fmt"
	"os"
	"strings"

	"rollbridge/agent/evidence"
	"rollbridge/agent/outbox"
	"rollbridge/agent/school"
)

// answerAbout answers a subject access request. What the person types goes to
// the service or is hashed here, and to no other place.
func (p *program) answerAbout(ctx context.Context, l logging) error {
	set, err := p.settings()
	if err != nil {
		return err
	}
	fmt.Fprint(p.Err, "UPN, or the MIS's id of the pupil: ")
	line, _ := p.in.ReadString('\n')
	fmt.Fprintln(p.Err)
	text := strings.TrimSpace(line)
	if text == "" {
		return usageError{errors.New("no UPN and no id came on standard input")}
	}
	trace, err := either(ctx, set, askTrace, text, func(s *school.School) (outbox.Trace, error) { return s.Trace(ctx, text) })
	if err != nil {
		return err
	}
	var story evidence.Story
	err = p.eachLogbook(nil, func(_ string, f *os.File) (err error) {
		story, err = evidence.ReadStory(f)
		return err
	})
	if err != nil {
		return err
	}
	answer := evidence.NewAnswer(trace, story)
	if l.asJSON {
		return p.printJSON(answer)
	}
	if err := answer.Write(p.Out); err != nil {
		return fmt.Errorf("write the result: %w", err)
	}
	return nil
}
