{% macro reader(port, count, memory) %}

  task read_{{ port }};
    begin
      file = $fopen("{{ stem }}_{{ port }}.hex", "r");
      lines = 0;
      if (file != 0) begin
        while ($fscanf(file, "%h\n", {{ port }}_line) == 1) begin
          if (lines < {{ count }}) {{ memory }}[lines] = {{ port }}_line;
          lines = lines + 1;
        end
        $fclose(file);
      end
      if (lines != {{ count }}) begin
        wrong = wrong + 1;
        $display("MISMATCH {{ stem }}_{{ port }}.hex has %0d numbers, must have {{ count }}", lines);
      end
    end
  endtask
{% endmacro %}
{% macro verdict() %}
    if (wrong == 0) begin
      $display("PASS");
      $finish;
    end else begin
      $display("FAIL");
      $fatal(1, "%0d wrong", wrong);
    end
{% endmacro %}
