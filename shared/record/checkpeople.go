package record

func (c *Contact) check(k *checker) { k.inRange("Order", c.Order, 0, 1000) }

func (a *AgencyContact) check(*checker) {} // nothing beyond what is true of every field

func (s *Staff) check(*checker) {} // nothing beyond what is true of every field
