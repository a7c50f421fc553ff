"""What a deployment costs while nothing happens: counted in its templates, at AWS's list prices."""
