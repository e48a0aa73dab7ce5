package record

func (p *Contact) check(c *checker) { c.inRange("Order", p.Order, 0, 1000) }

func (a *AgencyContact) check(*checker) {} // nothing beyond what is true of every field

func (s *Staff) check(*checker) {} // nothing beyond what is true of every field
