"""A toy library of standard cells. ABC insists on a buffer."""

LIBRARY = """library(tiny) {
  capacitive_load_unit(1.0, "ff");
  operating_conditions("typical") { voltage : 2.0; }
  power_lut_template(out) { variable_1 : input_transition_time; index_1("0.01, 0.05, 1.0");
                            variable_2 : total_output_net_capacitance; index_2("1, 3"); }
  cell(BUF)   { area : 1.5; pin(A) { direction : input; capacitance : 2.0; }
                pin(Y) { direction : output; function : "A"; } }
  cell(INV)   { area : 1.0; pin(A) { direction : input; capacitance : 1.0; }
    pin(Y) { direction : output; function : "!A";
      internal_power() { related_pin : "A";
        rise_power(out) { index_1("0.01, 0.05, 1.0"); index_2("1, 3");
                          values("9, 9", "4, 8", "9, 9"); }
        fall_power(out) { index_1("0.01, 0.05, 1.0"); index_2("1, 3");
                          values("9, 9", "2, 2", "9, 9"); } } } }
  cell(NAND2) { area : 2.0; pin(A) { direction : input; capacitance : 1.5; }
                pin(B) { direction : input; capacitance : 1.5; }
                pin(Y) { direction : output; function : "!(A&B)"; } }
  cell(DFF)   { area : 8.0; ff(IQ, IQN) { clocked_on : "C"; next_state : "D"; }
                pin(C) { direction : input; clock : true; capacitance : 3.0;
                         internal_power() { rise_power(scalar) { values("5"); }
                                            fall_power(scalar) { values("3"); } } }
                pin(D) { direction : input; capacitance : 1.0; }
                pin(Q) { direction : output; function : "IQ"; } }
}
"""
